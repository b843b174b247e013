use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    connect::fake::{self, Answer, Call, Calls},
    model::{
        AwsAuthPrecondition, AwsAuthText, Content, Guard, ObjectPrecondition, ObjectRef, Outcome, Plan, RbacKind,
        RbacSubject, RoleRef, Rule, Step, StepResult, SubjectKind, UnreadableKind, Write,
    },
};

mod abreast;
mod aws_auth;
mod rbac;

/// With time for every step.
async fn apply(client: &kube::Client, plan: &Plan) -> Outcome {
    super::apply(client, None, plan, Duration::MAX).await
}

const CONFIGMAPS: &str = "/api/v1/namespaces/kube-system/configmaps";
const AWS_AUTH: &str = "/api/v1/namespaces/kube-system/configmaps/aws-auth";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The objects of a fake cluster by their paths, written under the rules of the API's concurrency control.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<(BTreeMap<String, Value>, u64)>>);

impl Store {
    fn put(&self, path: &str, mut object: Value) -> Value {
        let (objects, clock) = &mut *self.0.lock().unwrap();
        *clock += 1;
        let uid = objects.get(path).map_or_else(|| json!(format!("uid-{clock}")), |old| old["metadata"]["uid"].clone());
        object["metadata"]["uid"] = uid;
        object["metadata"]["resourceVersion"] = json!(clock.to_string());
        objects.insert(path.to_owned(), object.clone());
        object
    }

    fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().unwrap().0.get(path).cloned()
    }

    /// uid and resourceVersion.
    fn version(&self, path: &str) -> (String, String) {
        let object = self.get(path).unwrap();
        let text = |key: &str| object["metadata"][key].as_str().unwrap().to_owned();
        (text("uid"), text("resourceVersion"))
    }

    fn answer(&self, call: &Call) -> Answer {
        let live = self.get(&call.path);
        let wanted = if call.method == "DELETE" { &call.body["preconditions"] } else { &call.body["metadata"] };
        let fits = |live: &Value| {
            ["uid", "resourceVersion"].iter().all(|key| wanted[key].is_null() || wanted[key] == live["metadata"][key])
        };
        match (call.method.as_str(), live) {
            ("GET", Some(live)) => Answer::Json(200, live),
            ("POST", _) => {
                let path = format!("{}/{}", call.path, call.body["metadata"]["name"].as_str().unwrap());
                match self.get(&path) {
                    Some(_) => fake::status(409, "AlreadyExists", "already exists"),
                    None => Answer::Json(201, self.put(&path, call.body.clone())),
                }
            }
            ("PUT" | "PATCH" | "DELETE", Some(live)) if !fits(&live) => fake::status(409, "Conflict", "modified"),
            ("DELETE", Some(_)) => {
                self.0.lock().unwrap().0.remove(&call.path);
                Answer::Json(200, json!({"kind": "Status", "status": "Success"}))
            }
            ("PATCH", _) if call.query.contains("dryRun=All") => Answer::Json(200, call.body.clone()),
            ("PUT", Some(_)) | ("PATCH", _) => Answer::Json(200, self.put(&call.path, call.body.clone())),
            _ => fake::not_found(),
        }
    }

    /// A client of the cluster; the closure may answer in its place.
    fn client(
        &self,
        mut instead: impl FnMut(&Self, &Call) -> Option<Answer> + Send + 'static,
    ) -> (kube::Client, Calls) {
        let store = self.clone();
        fake::client(move |call| instead(&store, call).unwrap_or_else(|| store.answer(call)))
    }

    async fn carry_out(&self, steps: Vec<Step>) -> (Outcome, Calls) {
        let (client, calls) = self.client(|_, _| None);
        (apply(&client, &plan(steps)).await, calls)
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan { steps, ..Plan::empty(fake::id()) }
}

fn step(write: Write) -> Step {
    Step { write, changes: Vec::new(), removes: false }
}

fn removing(write: Write) -> Step {
    Step { removes: true, ..step(write) }
}

fn text(roles: &str) -> AwsAuthText {
    AwsAuthText {
        data: [("mapRoles".to_owned(), roles.to_owned())].into(),
        annotations: [("rolecall.dev/rows".to_owned(), "[]".to_owned())].into(),
    }
}

fn put_aws_auth(precondition: AwsAuthPrecondition, before: Option<&str>, after: &str) -> Write {
    Write::PutAwsAuth { precondition, before: before.map(text), after: text(after) }
}

fn role(name: &str) -> ObjectRef {
    ObjectRef { kind: RbacKind::ClusterRole, namespace: None, name: name.to_owned() }
}

fn rules(verb: &str) -> Content {
    Content::Rules(vec![Rule {
        api_groups: vec![String::new()],
        resources: vec!["pods".to_owned()],
        verbs: vec![verb.to_owned()],
        ..Rule::default()
    }])
}

fn put_role(name: &str, precondition: ObjectPrecondition) -> Write {
    Write::ApplyObject { object: role(name), precondition, before: None, after: rules("get") }
}

fn put_binding(name: &str, to: &str) -> Write {
    let subject = RbacSubject { kind: SubjectKind::Group, name: "devs".to_owned(), namespace: None };
    Write::ApplyObject {
        object: ObjectRef { kind: RbacKind::ClusterRoleBinding, namespace: None, name: name.to_owned() },
        precondition: ObjectPrecondition::Absent,
        before: None,
        after: Content::Binding {
            role_ref: RoleRef { kind: RbacKind::ClusterRole, name: to.to_owned() },
            subjects: vec![subject],
        },
    }
}

fn delete(name: &str, version: (String, String)) -> Write {
    let precondition = ObjectPrecondition::At { uid: version.0, resource_version: version.1 };
    Write::DeleteObject { object: role(name), precondition, before: rules("get") }
}

/// The results as words: `done`, `conflict`, `failed KIND`, `skipped`.
fn words(outcome: &Outcome) -> Vec<String> {
    assert!(outcome.steps.iter().enumerate().all(|(index, step)| step.step == index));
    let word = |result: &StepResult| match result {
        StepResult::Done { .. } | StepResult::Found { .. } => "done".to_owned(),
        StepResult::Conflict(_) => "conflict".to_owned(),
        StepResult::Failed(why) => format!("failed {}", why.kind),
        StepResult::Skipped(_) => "skipped".to_owned(),
    };
    outcome.steps.iter().map(|step| word(&step.result)).collect()
}

#[tokio::test]
async fn a_plan_that_a_guard_holds_back_sends_nothing() {
    let (client, calls) = Store::default().client(|_, _| None);
    let guard = Guard { name: "max-removals".to_owned(), message: String::new(), next: String::new() };
    let steps = vec![removing(put_role("a", ObjectPrecondition::Absent))];
    let outcome = apply(&client, &Plan { blocked: Some(guard), ..plan(steps) }).await;
    assert_eq!(words(&outcome), ["skipped"]);
    assert!(calls.all().is_empty());
}

#[tokio::test]
async fn no_step_is_begun_when_the_time_is_over() {
    let (client, calls) = Store::default().client(|_, _| None);
    let steps = vec![step(put_role("a", ObjectPrecondition::Absent)), step(put_role("b", ObjectPrecondition::Absent))];
    let outcome = super::apply(&client, None, &plan(steps), Duration::ZERO).await;
    assert_eq!(words(&outcome), ["skipped", "skipped"]);
    assert!(calls.all().is_empty());
}

#[tokio::test]
async fn a_server_that_stops_answering_is_not_asked_for_the_other_steps() {
    let (client, calls) = Store::default().client(|_, _| Some(Answer::Lost));
    let steps = vec![
        step(put_role("a", ObjectPrecondition::Absent)),
        step(put_binding("b", "a")),
        step(put_aws_auth(AwsAuthPrecondition::Absent, None, "x")),
    ];
    let outcome = apply(&client, &plan(steps)).await;
    assert_eq!(words(&outcome), ["failed unreachable", "skipped", "skipped"]);
    assert_eq!(calls.all().len(), 1);
}
