use super::*;

fn path(name: &str) -> String {
    format!("{RBAC}/clusterroles/{name}")
}

fn stored(store: &Store, name: &str) -> (String, String) {
    let labels = json!({"app.kubernetes.io/managed-by": "rolecall"});
    store.put(&path(name), json!({"metadata": {"name": name, "labels": labels}, "rules": []}));
    store.version(&path(name))
}

fn at((uid, resource_version): (String, String)) -> ObjectPrecondition {
    ObjectPrecondition::At { uid, resource_version }
}

#[tokio::test]
async fn objects_are_applied_with_our_label_and_manager() {
    let store = Store::default();
    let steps =
        vec![step(put_role("devs", ObjectPrecondition::Absent)), step(put_binding("rolecall:devs:devs", "devs"))];
    let (outcome, calls) = store.carry_out(steps).await;
    assert_eq!(words(&outcome), ["done", "done"]);
    let patches: Vec<Call> = calls.all().into_iter().filter(|call| call.method == "PATCH").collect();
    assert_eq!(patches[0].headers["content-type"], "application/apply-patch+yaml");
    assert!(patches[0].query.contains("fieldManager=rolecall") && !patches[0].query.contains("force=true"));
    assert_eq!(
        patches[0].body,
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "devs", "labels": {"app.kubernetes.io/managed-by": "rolecall"}},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        })
    );
    assert_eq!(patches[1].path, format!("{RBAC}/clusterrolebindings/rolecall:devs:devs"));
    assert_eq!(patches[1].body["roleRef"]["name"], "devs");
    assert_eq!(patches[1].body["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
}

#[tokio::test]
async fn a_change_names_uid_and_version_and_takes_the_fields_over() {
    let store = Store::default();
    let seen = stored(&store, "devs");
    let (outcome, calls) = store.carry_out(vec![step(put_role("devs", at(seen.clone())))]).await;
    assert_eq!(words(&outcome), ["done"]);
    let call = &calls.all()[0];
    assert!(call.query.contains("force=true"));
    assert_eq!(
        (&call.body["metadata"]["uid"], &call.body["metadata"]["resourceVersion"]),
        (&json!(seen.0), &json!(seen.1))
    );
    let (outcome, _) = store.carry_out(vec![step(put_role("devs", at(seen)))]).await;
    assert_eq!(words(&outcome), ["conflict"], "the version has moved on");
}

#[tokio::test]
async fn an_object_that_came_since_is_a_conflict() {
    let store = Store::default();
    stored(&store, "devs");
    let (outcome, calls) = store.carry_out(vec![step(put_role("devs", ObjectPrecondition::Absent))]).await;
    assert_eq!((words(&outcome), calls.writes().len()), (vec!["conflict".to_owned()], 0));

    // It came between the look and the write, and the server merged the two.
    let (client, _) = Store::default().client(|_, call| {
        (call.method == "PATCH").then(|| {
            let mut merged = call.body.clone();
            merged["metadata"]["managedFields"] = json!([{"manager": "rolecall"}, {"manager": "kubectl"}]);
            Answer::Json(200, merged)
        })
    });
    let outcome = apply(&client, &plan(vec![step(put_role("devs", ObjectPrecondition::Absent))])).await;
    assert_eq!(words(&outcome), ["conflict"]);
}

#[tokio::test]
async fn what_the_server_stored_has_to_be_what_was_meant() {
    let (client, _) = Store::default().client(|_, call| {
        (call.method == "PATCH").then(|| {
            let mut altered = call.body.clone();
            altered["rules"][0]["verbs"] = json!(["get", "delete"]);
            Answer::Json(200, altered)
        })
    });
    let outcome = apply(&client, &plan(vec![step(put_role("devs", ObjectPrecondition::Absent))])).await;
    assert_eq!(words(&outcome), ["failed server"]);
}

#[tokio::test]
async fn a_deletion_names_uid_and_version_and_one_that_is_gone_is_done() {
    let store = Store::default();
    let seen = stored(&store, "old");
    let moved = (seen.0.clone(), "0".to_owned());
    assert_eq!(words(&store.carry_out(vec![removing(delete("old", moved))]).await.0), ["conflict"]);
    assert!(store.get(&path("old")).is_some());
    let (outcome, calls) = store.carry_out(vec![removing(delete("old", seen.clone()))]).await;
    assert_eq!(words(&outcome), ["done"]);
    let expected = json!({"uid": seen.0, "resourceVersion": seen.1});
    assert_eq!(calls.all()[0].body["preconditions"], expected);
    assert_eq!(words(&store.carry_out(vec![removing(delete("old", seen))]).await.0), ["done"]);
    let blind =
        Write::DeleteObject { object: role("old"), precondition: ObjectPrecondition::Absent, before: rules("get") };
    let (outcome, calls) = store.carry_out(vec![removing(blind)]).await;
    assert_eq!((words(&outcome), calls.all().len()), (vec!["conflict".to_owned()], 0));
}

#[tokio::test]
async fn before_a_removal_everything_is_tried_in_a_dry_run() {
    let store = Store::default();
    let seen = stored(&store, "old");
    let steps = || {
        vec![
            step(put_role("a", ObjectPrecondition::Absent)),
            removing(delete("old", seen.clone())),
            step(put_role("refused", ObjectPrecondition::Absent)),
            step(put_role("b", ObjectPrecondition::Absent)),
        ]
    };
    let escalation = "is attempting to grant RBAC permissions not currently held:\n{Verbs:[\"get\"]}";
    let (client, calls) = store.client(move |_, call| {
        call.path
            .ends_with("/refused")
            .then(|| if call.method == "GET" { fake::not_found() } else { fake::status(403, "Forbidden", escalation) })
    });
    let outcome = apply(&client, &plan(steps())).await;
    assert_eq!(words(&outcome), ["done", "skipped", "failed forbidden", "done"]);
    assert!(outcome.failure().unwrap().next.as_ref().unwrap().contains("escalate"));
    assert!(store.get(&path("old")).is_some());
    assert_eq!(calls.writes(), [format!("PATCH {}", path("a")), format!("PATCH {}", path("b"))]);
    let dry: Vec<bool> =
        calls.all().iter().filter(|it| it.method == "PATCH").map(|it| it.query.contains("dryRun")).collect();
    assert_eq!(dry, [true, true, true, false, false], "nothing is written before all is tried");
}

#[tokio::test]
async fn a_binding_to_a_role_that_the_plan_itself_makes_may_miss_it_in_the_dry_run() {
    let store = Store::default();
    let seen = stored(&store, "old");
    let missing = |name: &'static str| {
        move |_: &Store, call: &Call| {
            let dry_binding = call.path.contains("clusterrolebindings") && call.query.contains("dryRun");
            dry_binding.then(|| {
                let details = json!({"kind": "clusterrolebindings", "name": name});
                Answer::Json(404, json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "details": details}))
            })
        }
    };
    let steps = || {
        vec![
            step(put_role("devs", ObjectPrecondition::Absent)),
            step(put_binding("b", "devs")),
            removing(delete("old", seen.clone())),
        ]
    };
    let (client, _) = store.client(missing("another"));
    assert_eq!(words(&apply(&client, &plan(steps())).await), ["done", "failed server", "skipped"]);
    let store = Store::default();
    stored(&store, "old");
    let (client, _) = store.client(missing("devs"));
    assert_eq!(words(&apply(&client, &plan(steps())).await), ["done", "done", "done"]);
}

#[tokio::test]
async fn nothing_is_removed_after_a_step_that_did_not_succeed() {
    let store = Store::default();
    let seen = stored(&store, "old");
    let steps = vec![
        step(put_aws_auth(AwsAuthPrecondition::AfterPrevious, None, "new")),
        step(put_role("a", ObjectPrecondition::Absent)),
        removing(delete("old", seen)),
    ];
    let (outcome, _) = store.carry_out(steps).await;
    assert_eq!(words(&outcome), ["conflict", "done", "skipped"]);
    assert!(store.get(&path("old")).is_some());
}

#[tokio::test]
async fn a_server_that_does_not_answer_the_dry_run_is_not_asked_again() {
    let store = Store::default();
    let seen = stored(&store, "old");
    let (client, calls) = store.client(|_, _| Some(Answer::Lost));
    let steps = vec![
        step(put_role("a", ObjectPrecondition::Absent)),
        step(put_role("b", ObjectPrecondition::Absent)),
        removing(delete("old", seen)),
    ];
    let outcome = apply(&client, &plan(steps)).await;
    assert_eq!(
        words(&outcome),
        [format!("failed {}", UnreadableKind::Unreachable), "skipped".into(), "skipped".into()]
    );
    assert_eq!(calls.all().len(), 1);
}
