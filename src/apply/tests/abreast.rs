//! Steps side by side: what is under way at the same time, and in which order it is recorded.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use kube::client::Body;
use tower::{Service as _, service_fn};

use super::*;
use crate::apply::abreast::AT_ONCE;

/// A client of a cluster that answers when nothing more is asked, the latest question first; with the most questions that
/// were open at once.
fn slow(store: &Store) -> (kube::Client, Calls, Arc<AtomicUsize>) {
    let (store, most) = (store.clone(), Arc::new(AtomicUsize::new(0)));
    let (mut service, calls) = fake::service(move |call| store.answer(call));
    let (seen, asked) = (Arc::clone(&most), Arc::new(Mutex::new(Vec::<usize>::new())));
    let service = service_fn(move |request: http::Request<Body>| {
        let (served, asked, seen) = (service.call(request), Arc::clone(&asked), Arc::clone(&seen));
        async move {
            let number = {
                let mut asked = asked.lock().unwrap();
                let number = asked.last().map_or(0, |last| last + 1);
                asked.push(number);
                seen.fetch_max(asked.len(), Ordering::SeqCst);
                number
            };
            // Whatever else can be asked without this answer is asked first.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            while asked.lock().unwrap().last() != Some(&number) {
                tokio::task::yield_now().await;
            }
            asked.lock().unwrap().pop();
            served.await
        }
        .boxed()
    });
    (kube::Client::new(service, "default"), calls, most)
}

fn roles(names: &[&str]) -> Vec<Step> {
    names.iter().map(|name| step(put_role(name, ObjectPrecondition::Absent))).collect()
}

fn position(calls: &Calls, line: &str) -> usize {
    calls.writes().iter().position(|write| write.ends_with(line)).unwrap()
}

#[tokio::test]
async fn roles_are_written_side_by_side_and_bindings_only_when_all_roles_are_done() {
    let store = Store::default();
    let (client, calls, most) = slow(&store);
    let mut steps = roles(&["a", "b", "c"]);
    steps.extend([step(put_binding("x", "a")), step(put_binding("y", "c"))]);
    let outcome = apply(&client, &plan(steps)).await;
    assert_eq!(words(&outcome), ["done"; 5]);
    assert_eq!(most.load(Ordering::SeqCst), 3);
    let (role, binding) = (["/a", "/b", "/c"], ["/x", "/y"]);
    let last_role = role.iter().map(|name| position(&calls, name)).max();
    let first_binding = binding.iter().map(|name| position(&calls, name)).min();
    assert!(last_role < first_binding, "{:?}", calls.writes());
}

#[tokio::test]
async fn results_are_in_the_order_of_the_plan_whatever_answers_first() {
    let store = Store::default();
    let (client, calls, _) = slow(&store);
    store.put(&format!("{RBAC}/clusterroles/b"), json!({"metadata": {"name": "b"}}));
    let outcome = apply(&client, &plan(roles(&["a", "b", "c"]))).await;
    assert_eq!(words(&outcome), ["done", "conflict", "done"]);
    let versions: Vec<&str> = outcome
        .steps
        .iter()
        .filter_map(|it| match &it.result {
            StepResult::Done { resource_version, .. } => resource_version.as_deref(),
            _ => None,
        })
        .collect();
    assert!(position(&calls, "/c") < position(&calls, "/a"), "the last was answered first");
    assert_eq!(versions, ["3", "2"]);
}

#[tokio::test]
async fn no_more_are_under_way_than_the_bound_allows() {
    let store = Store::default();
    let (client, _, most) = slow(&store);
    let names: Vec<String> = (0..3 * AT_ONCE).map(|n| format!("role-{n}")).collect();
    let outcome = apply(&client, &plan(roles(&names.iter().map(String::as_str).collect::<Vec<_>>()))).await;
    assert!(words(&outcome).iter().all(|word| word == "done"));
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
}

#[tokio::test]
async fn a_role_that_failed_beside_others_leaves_out_every_removal() {
    let store = Store::default();
    let old = format!("{RBAC}/clusterroles/old");
    store.put(&old, json!({"metadata": {"name": "old"}}));
    let version = store.version(&old);
    let (client, _) = store.client(|_, call| {
        let refused = call.path.ends_with("/b") && call.method == "PATCH" && !call.query.contains("dryRun");
        refused.then(|| fake::status(403, "Forbidden", "no"))
    });
    let mut steps = roles(&["a", "b", "c"]);
    steps.extend([step(put_binding("x", "a")), removing(delete("old", version))]);
    let outcome = apply(&client, &plan(steps)).await;
    assert_eq!(words(&outcome), ["done", "failed forbidden", "done", "done", "skipped"]);
    assert!(store.get(&old).is_some());
}

#[tokio::test]
async fn removals_wait_for_each_other() {
    let store = Store::default();
    let paths = ["a", "b", "c"].map(|name| format!("{RBAC}/clusterroles/{name}"));
    for path in &paths {
        drop(store.put(path, json!({"metadata": {}})));
    }
    let steps = ["a", "b", "c"].iter().zip(&paths);
    let steps = steps.map(|(name, path)| removing(delete(name, store.version(path)))).collect();
    let (client, calls) =
        store.client(|_, call| call.path.ends_with("/a").then(|| fake::status(403, "Forbidden", "no")));
    assert_eq!(words(&apply(&client, &plan(steps)).await), ["failed forbidden", "skipped", "skipped"]);
    assert_eq!(calls.all().len(), 1);
}

#[tokio::test]
async fn a_server_that_stopped_answering_gets_no_more_than_what_was_under_way() {
    let (client, calls) = Store::default().client(|_, _| Some(Answer::Lost));
    let names: Vec<String> = (0..2 * AT_ONCE).map(|n| format!("role-{n}")).collect();
    let outcome = apply(&client, &plan(roles(&names.iter().map(String::as_str).collect::<Vec<_>>()))).await;
    let words = words(&outcome);
    assert_eq!(words.iter().filter(|word| *word == "skipped").count(), AT_ONCE);
    assert_eq!(calls.all().len(), AT_ONCE);
}
