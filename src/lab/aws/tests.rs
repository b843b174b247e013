//! What is at AWS's door beside AWS.

use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

use super::{
    TALLY,
    samples::{self, MANAGEMENT},
};
use crate::lab::{Call, Interference, Lab, Refusal, Verdict, world::World};

/// Status and JSON of what is at a path, asked for without a signature.
async fn get(lab: &Lab, path: &str) -> (u16, Value) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client.get(format!("{}{path}", lab.url()).parse().unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Lets nobody through, and notes who came.
#[derive(Default)]
struct Wall {
    met: Mutex<Vec<&'static str>>,
}

impl Interference for Wall {
    fn latency(&self, call: &Call) -> Duration {
        self.met.lock().unwrap().push(call.service);
        Duration::ZERO
    }

    fn verdict<'a>(&'a self, _world: &'a Arc<World>, _call: &'a Call) -> BoxFuture<'a, Verdict> {
        Box::pin(ready(Verdict::Refuse(Refusal::new(503, "ServiceUnavailable", "closed"))))
    }
}

#[tokio::test]
async fn the_tally_is_told_over_http_and_begins_anew() {
    let lab = Lab::start(samples::world()).unwrap();
    let config = samples::sdk_of(lab.url(), MANAGEMENT, "us-east-1");
    let organizations = aws_sdk_organizations::Client::new(&config);
    organizations.describe_organization().send().await.unwrap();
    organizations.list_roots().send().await.unwrap();
    organizations.list_roots().send().await.unwrap();
    aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.unwrap();
    let counts = json!({
        "organizations": {"DescribeOrganization": 1, "ListRoots": 2},
        "sts": {"GetCallerIdentity": 1},
    });
    assert_eq!(get(&lab, TALLY).await, (200, counts));
    assert_eq!(get(&lab, TALLY).await, (200, json!({})));
}

#[tokio::test]
async fn what_is_asked_aside_is_neither_counted_nor_interfered_with() {
    let lab = Lab::start(samples::world()).unwrap();
    let wall = Arc::new(Wall::default());
    lab.world().set_interference(Arc::<Wall>::clone(&wall));
    assert_eq!(get(&lab, "/").await.0, 503);
    assert_eq!(get(&lab, TALLY).await, (200, json!({"unknown": {"": 1}})));
    assert_eq!(get(&lab, TALLY).await, (200, json!({})));
    assert_eq!(*wall.met.lock().unwrap(), ["unknown"]);
}
