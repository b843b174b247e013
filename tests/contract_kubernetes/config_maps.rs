//! Reading and writing ConfigMaps one by one, as rolecall does with aws-auth and its backups.

use serde_json::{Value, json};

use super::talk::{Talk, delete, get, post, put, raw};

const HERE: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

fn at(name: &str) -> String {
    format!("{HERE}/{name}")
}

/// From nothing to a ConfigMap, changed, and gone.
pub async fn life(talk: &mut Talk<'_>) {
    talk.say("get before there is one", get(&at("life"))).await;
    talk.say("replace before there is one", put(&at("life"), &map("life", &json!({})))).await;
    talk.say("create", post(&format!("{HERE}?fieldManager=rolecall"), &map("life", &json!({"a": "1", "b": "2"}))))
        .await;
    talk.say("create again", post(HERE, &map("life", &json!({})))).await;
    let mut live = talk.say("get", get(&at("life"))).await;
    talk.say("replace with the same", put(&at("life?fieldManager=rolecall"), &live)).await;
    let old = live.clone();
    live["data"] = json!({"a": "one", "c": "3"});
    live["metadata"]["annotations"] = json!({"note": "hello"});
    talk.say("replace", put(&at("life?fieldManager=rolecall"), &live)).await;
    talk.say("replace by what is outdated", put(&at("life"), &old)).await;
    talk.say("replace whatever is there", put(&at("life?fieldManager=other"), &map("life", &json!({"d": "4"})))).await;
    let mut other = old.clone();
    other["metadata"]["resourceVersion"] = json!("");
    other["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    talk.say("replace one of another uid", put(&at("life"), &other)).await;
    talk.say("replace under another name", put(&at("life"), &map("death", &json!({})))).await;
    talk.say("delete", delete(&at("life"), None)).await;
    talk.say("delete again", delete(&at("life"), None)).await;
    talk.say("replace after it is gone", put(&at("life"), &old)).await;
}

/// Deleting only what was meant.
pub async fn delete_on_conditions(talk: &mut Talk<'_>) {
    let first = talk.say("create", post(HERE, &map("meant", &json!({})))).await;
    let mut next = first.clone();
    next["data"] = json!({"a": "1"});
    let next = talk.say("change", put(&at("meant"), &next)).await;
    let wrong = json!({"uid": "00000000-0000-4000-8000-000000000000"});
    talk.say("delete another uid", delete(&at("meant"), Some(wrong))).await;
    let old = json!({"uid": first["metadata"]["uid"], "resourceVersion": first["metadata"]["resourceVersion"]});
    talk.say("delete an old version", delete(&at("meant"), Some(old))).await;
    let dry = delete(&at("meant?dryRun=All"), None);
    talk.say("delete as a trial", dry).await;
    talk.say("it is still there", get(&at("meant"))).await;
    let right = json!({"uid": next["metadata"]["uid"], "resourceVersion": next["metadata"]["resourceVersion"]});
    talk.say("delete", delete(&at("meant"), Some(right.clone()))).await;
    talk.say("delete again", delete(&at("meant"), Some(right))).await;
}

/// Trials store nothing.
pub async fn dry_run(talk: &mut Talk<'_>) {
    talk.say("create as a trial", post(&format!("{HERE}?dryRun=All"), &map("trial", &json!({"a": "1"})))).await;
    talk.say("it is not there", get(&at("trial"))).await;
    let mut live = talk.say("create", post(HERE, &map("trial", &json!({"a": "1"})))).await;
    live["data"] = json!({"a": "2"});
    talk.say("replace as a trial", put(&at("trial?dryRun=All"), &live)).await;
    talk.say("it is as it was", get(&at("trial"))).await;
    talk.say("a trial of another kind", post(&format!("{HERE}?dryRun=Some"), &map("trial2", &json!({})))).await;
}

/// One that was made immutable.
pub async fn immutable(talk: &mut Talk<'_>) {
    let mut object = map("stone", &json!({"a": "1"}));
    object["immutable"] = json!(true);
    let mut live = talk.say("create", post(HERE, &object)).await;
    live["metadata"]["labels"] = json!({"a": "b"});
    let mut live = talk.say("change its labels", put(&at("stone"), &live)).await;
    live["data"] = json!({"a": "2"});
    talk.say("change its data", put(&at("stone"), &live)).await;
    live["data"] = json!({"a": "1"});
    live["immutable"] = json!(false);
    talk.say("make it mutable", put(&at("stone"), &live)).await;
}

/// What cannot be stored.
pub async fn invalid(talk: &mut Talk<'_>) {
    talk.say("no name", post(HERE, &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}))).await;
    talk.say("a bad name", post(HERE, &map("Bad_Name", &json!({})))).await;
    talk.say("a name that is too long", post(HERE, &map(&"a".repeat(254), &json!({})))).await;
    talk.say("a bad key", post(HERE, &map("keys", &json!({"a b": "1"})))).await;
    talk.say("a value that is no text", post(HERE, &map("numbers", &json!({"a": 1})))).await;
    let mut labels = map("labels", &json!({}));
    labels["metadata"]["labels"] = json!({"a": "b c"});
    talk.say("a bad label", post(HERE, &labels)).await;
    let mut elsewhere = map("elsewhere", &json!({}));
    elsewhere["metadata"]["namespace"] = json!("kube-system");
    talk.say("another namespace than the path's", post(HERE, &elsewhere)).await;
    let mut with_version = map("versioned", &json!({}));
    with_version["metadata"]["resourceVersion"] = json!("1");
    talk.say("create with a resourceVersion", post(HERE, &with_version)).await;
    talk.say("another kind", post(HERE, &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}})))
        .await;
    talk.say("no JSON", raw(http::Method::POST, HERE, "{", "application/json")).await;
    talk.say("an unknown media type", raw(http::Method::POST, HERE, "{}", "text/plain")).await;
    let nowhere = "/api/v1/namespaces/nowhere/configmaps";
    talk.say("in a namespace that is not there", post(nowhere, &map("a", &json!({})))).await;
    talk.say("reading in a namespace that is not there", get(nowhere)).await;
}

/// More than fits.
pub async fn too_large(talk: &mut Talk<'_>) {
    let just_too_large = map("large", &json!({"a": "x".repeat(1024 * 1024 + 1)}));
    talk.say("a ConfigMap of more than 1 MiB", post(HERE, &just_too_large)).await;
    let whole = map("large", &json!({"a": "x".repeat(1024 * 1024)}));
    talk.prepare(post(HERE, &whole)).await;
    let request = map("larger", &json!({"a": "x".repeat(3 * 1024 * 1024)}));
    talk.say("a request of more than 3 MiB", post(HERE, &request)).await;
}
