use super::*;

fn stored(store: &Store, roles: &str) -> AwsAuthPrecondition {
    let text = text(roles);
    store.put(
        AWS_AUTH,
        json!({
            "metadata": {"name": "aws-auth", "namespace": "kube-system", "labels": {"keep": "me"}, "annotations": text.annotations},
            "data": text.data, "binaryData": {"raw": "AA=="},
        }),
    );
    let (uid, resource_version) = store.version(AWS_AUTH);
    AwsAuthPrecondition::At { uid, resource_version }
}

fn live(store: &Store) -> Value {
    store.get(AWS_AUTH).unwrap()["data"]["mapRoles"].clone()
}

#[tokio::test]
async fn it_is_written_whole_and_the_rest_of_the_object_stays() {
    let store = Store::default();
    let at = stored(&store, "old");
    let (outcome, calls) = store.carry_out(vec![step(put_aws_auth(at, Some("old"), "new # kept\r\n"))]).await;
    assert_eq!(words(&outcome), ["done"]);
    let object = store.get(AWS_AUTH).unwrap();
    assert_eq!(live(&store), "new # kept\r\n");
    assert_eq!((&object["metadata"]["labels"]["keep"], &object["binaryData"]["raw"]), (&json!("me"), &json!("AA==")));
    let calls = calls.all();
    assert_eq!(calls.iter().map(|call| call.method.as_str()).collect::<Vec<_>>(), ["GET", "PUT", "GET"]);
    assert!(calls[1].query.contains("fieldManager=rolecall"));
    assert_eq!(calls[1].body["metadata"]["resourceVersion"], "1");
    let StepResult::Done { resource_version, .. } = &outcome.steps[0].result else { panic!("{outcome:?}") };
    assert_eq!(resource_version.as_deref(), Some("2"));
}

#[tokio::test]
async fn it_is_created_where_there_is_none_and_never_over_one_that_came_since() {
    let store = Store::default();
    let create = || vec![step(put_aws_auth(AwsAuthPrecondition::Absent, None, "new"))];
    let (outcome, calls) = store.carry_out(create()).await;
    assert_eq!((words(&outcome), calls.writes()), (vec!["done".to_owned()], vec![format!("POST {CONFIGMAPS}")]));
    let (outcome, calls) = store.carry_out(create()).await;
    assert_eq!((words(&outcome), calls.writes().len()), (vec!["conflict".to_owned()], 0));

    // Created between the look and the write.
    let store = Store::default();
    let (client, _) = store.client(|store, call| {
        if call.method == "POST" {
            stored(store, "theirs");
        }
        None
    });
    assert_eq!(words(&apply(&client, &plan(create())).await), ["conflict"]);
    assert_eq!(live(&store), "theirs");
}

#[tokio::test]
async fn what_the_plan_had_not_seen_is_a_conflict_and_stays() {
    let gone = AwsAuthPrecondition::At { uid: "uid-1".to_owned(), resource_version: "1".to_owned() };
    let (outcome, _) = Store::default().carry_out(vec![step(put_aws_auth(gone, Some("old"), "new"))]).await;
    assert_eq!(words(&outcome), ["conflict"]);

    let store = Store::default();
    let at = stored(&store, "old");
    let (uid, _) = store.version(AWS_AUTH);
    let older = AwsAuthPrecondition::At { uid, resource_version: "0".to_owned() };
    let recreated = AwsAuthPrecondition::At { uid: "other".to_owned(), resource_version: "1".to_owned() };
    for (precondition, before) in
        [(older, Some("old")), (recreated, Some("old")), (at.clone(), Some("else")), (at, None)]
    {
        let (outcome, calls) = store.carry_out(vec![step(put_aws_auth(precondition, before, "new"))]).await;
        assert_eq!((words(&outcome), calls.writes().len()), (vec!["conflict".to_owned()], 0));
    }
    assert_eq!(live(&store), "old");
}

#[tokio::test]
async fn a_write_between_the_look_and_the_put_is_never_overwritten() {
    let store = Store::default();
    let at = stored(&store, "old");
    let (client, _) = store.client(|store, call| {
        if call.method == "PUT" {
            stored(store, "theirs");
        }
        None
    });
    let outcome = apply(&client, &plan(vec![step(put_aws_auth(at, Some("old"), "new"))])).await;
    assert_eq!(words(&outcome), ["conflict"]);
    assert_eq!(live(&store), "theirs");
}

#[tokio::test]
async fn what_is_read_back_has_to_be_what_was_written() {
    let store = Store::default();
    let at = stored(&store, "old");
    // An admission webhook changes it on its way in.
    let (client, _) = store.client(|store, call| {
        (call.method == "PUT").then(|| {
            let mut body = call.body.clone();
            body["data"]["mapRoles"] = json!("altered");
            Answer::Json(200, store.put(AWS_AUTH, body))
        })
    });
    let outcome = apply(&client, &plan(vec![step(put_aws_auth(at, Some("old"), "new"))])).await;
    assert_eq!(words(&outcome), ["failed server"]);

    // Somebody writes right after.
    let at = stored(&store, "old");
    let mut written = false;
    let (client, _) = store.client(move |store, call| {
        if written {
            stored(store, "theirs");
        }
        written = call.method == "PUT";
        None
    });
    let outcome = apply(&client, &plan(vec![step(put_aws_auth(at, Some("old"), "new"))])).await;
    assert_eq!(words(&outcome), ["conflict"]);
}

#[tokio::test]
async fn a_lost_answer_is_a_failure_and_nothing_is_removed_after_it() {
    let store = Store::default();
    let at = stored(&store, "old");
    let (client, _) = store.client(|store, call| {
        (call.method == "PUT").then(|| {
            store.put(AWS_AUTH, call.body.clone());
            Answer::Lost
        })
    });
    let steps = vec![
        step(put_aws_auth(at, Some("old"), "new")),
        removing(put_aws_auth(AwsAuthPrecondition::AfterPrevious, Some("new"), "less")),
    ];
    assert_eq!(words(&apply(&client, &plan(steps)).await), ["failed unreachable", "skipped"]);
    assert_eq!(live(&store), "new");
}

#[tokio::test]
async fn a_second_write_builds_on_exactly_what_the_first_left() {
    let store = Store::default();
    let at = stored(&store, "old");
    let steps = |at| {
        vec![
            step(put_aws_auth(at, Some("old"), "more")),
            removing(put_aws_auth(AwsAuthPrecondition::AfterPrevious, Some("more"), "less")),
        ]
    };
    let (outcome, _) = store.carry_out(steps(at)).await;
    assert_eq!(words(&outcome), ["done", "done"]);
    assert_eq!(live(&store), "less");

    // The same text in another version is somebody else's.
    let at = stored(&store, "old");
    let mut reads = 0;
    let (client, _) = store.client(move |store, call| {
        reads += usize::from(call.method == "GET");
        if call.method == "GET" && reads == 3 {
            stored(store, "more");
        }
        None
    });
    assert_eq!(words(&apply(&client, &plan(steps(at))).await), ["done", "conflict"]);
    let alone = vec![step(put_aws_auth(AwsAuthPrecondition::AfterPrevious, Some("more"), "less"))];
    assert_eq!(words(&store.carry_out(alone).await.0), ["conflict"]);
}

#[tokio::test]
async fn after_a_conflict_the_other_writes_of_aws_auth_are_left_out_and_rbac_goes_on() {
    let store = Store::default();
    stored(&store, "theirs");
    let (uid, resource_version) = store.version(AWS_AUTH);
    let steps = vec![
        step(put_aws_auth(AwsAuthPrecondition::Absent, None, "new")),
        step(put_aws_auth(AwsAuthPrecondition::At { uid, resource_version }, Some("theirs"), "new")),
        step(put_role("devs", ObjectPrecondition::Absent)),
    ];
    let (outcome, _) = store.carry_out(steps).await;
    assert_eq!(words(&outcome), ["conflict", "skipped", "done"]);
    assert_eq!(live(&store), "theirs");
}

#[tokio::test]
async fn a_backup_is_made_before_the_repair_and_never_over_another() {
    let backup = |text: &str| Write::CreateBackup {
        name: "aws-auth-backup-1".to_owned(),
        data: [("mapRoles".to_owned(), text.to_owned())].into(),
    };
    let store = Store::default();
    let at = stored(&store, "broken");
    let steps = |text, at| vec![step(backup(text)), step(put_aws_auth(at, Some("broken"), "fixed"))];
    let (outcome, _) = store.carry_out(steps("broken", at)).await;
    assert_eq!(words(&outcome), ["done", "done"]);
    let path = format!("{CONFIGMAPS}/aws-auth-backup-1");
    let kept = store.get(&path).unwrap();
    assert_eq!(kept["data"]["mapRoles"], "broken");
    assert_eq!(kept["metadata"]["labels"]["app.kubernetes.io/managed-by"], "rolecall");

    let at = stored(&store, "broken");
    assert_eq!(words(&store.carry_out(steps("broken", at)).await.0), ["done", "done"], "the same text is kept already");
    let at = stored(&store, "broken");
    let (outcome, _) = store.carry_out(steps("broken otherwise", at)).await;
    assert_eq!(words(&outcome), ["conflict", "skipped"], "without its backup nothing is repaired");
    assert_eq!((live(&store), &store.get(&path).unwrap()["data"]["mapRoles"]), (json!("broken"), &json!("broken")));
}

#[tokio::test]
async fn a_refused_write_is_a_failure_with_its_kind() {
    for (code, word) in [(403, "failed forbidden"), (401, "failed unauthenticated"), (500, "failed server")] {
        let store = Store::default();
        let at = stored(&store, "old");
        let (client, _) = store.client(move |_, call| (call.method == "PUT").then(|| fake::status(code, "", "no")));
        let outcome = apply(&client, &plan(vec![step(put_aws_auth(at, Some("old"), "new"))])).await;
        assert_eq!(words(&outcome), [word]);
        assert!(outcome.failure().unwrap().message.contains("writing configmap kube-system/aws-auth"));
    }
}
