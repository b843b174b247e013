//! A cluster that answers as a test tells it to.

use std::{
    io,
    sync::{Arc, Mutex},
};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, service_fn, util::ServiceFn};

use crate::model::{Account, Cluster, ClusterId, Region, samples};

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Call {
    /// Method and path.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What the server does with a request.
pub(crate) enum Answer {
    Json(u16, Value),
    /// The connection breaks, whatever became of the request.
    Lost,
}

/// The calls that a fake server has seen.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    pub(crate) fn all(&self) -> Vec<Call> {
        self.0.lock().unwrap().clone()
    }

    /// Method and path of those that write.
    pub(crate) fn writes(&self) -> Vec<String> {
        let dry = |call: &Call| call.query.contains("dryRun=All");
        self.all().iter().filter(|call| call.method != "GET" && !dry(call)).map(Call::line).collect()
    }
}

type Served = BoxFuture<'static, Result<Response<Body>, BoxError>>;

/// The service below a client, and the calls it has seen.
pub(crate) fn service(
    answer: impl FnMut(&Call) -> Answer + Send + 'static,
) -> (ServiceFn<impl FnMut(Request<Body>) -> Served + Send + 'static>, Calls) {
    let calls = Calls::default();
    let (seen, answer) = (calls.clone(), Arc::new(Mutex::new(answer)));
    let service = service_fn(move |request: Request<Body>| {
        let (seen, answer) = (seen.clone(), Arc::clone(&answer));
        let served = async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await?;
            let call = Call {
                method: parts.method.to_string(),
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                headers: parts.headers,
                body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            };
            seen.0.lock().unwrap().push(call.clone());
            let answer = (answer.lock().unwrap())(&call);
            match answer {
                Answer::Json(code, value) => {
                    Ok(Response::builder().status(code).body(Body::from(value.to_string().into_bytes()))?)
                }
                Answer::Lost => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
            }
        };
        served.boxed()
    });
    (service, calls)
}

/// A client whose requests are answered by the closure.
pub(crate) fn client(answer: impl FnMut(&Call) -> Answer + Send + 'static) -> (kube::Client, Calls) {
    let (service, calls) = service(answer);
    (kube::Client::new(service, "default"), calls)
}

/// A failure as the API server words it.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    Answer::Json(code, status)
}

pub(crate) fn not_found() -> Answer {
    status(404, "NotFound", "not found")
}

pub(crate) fn id() -> ClusterId {
    ClusterId { account: "111122223333".parse().unwrap(), region: Region::new("eu-west-1"), name: "dev".to_owned() }
}

pub(crate) fn cluster() -> Cluster {
    let cluster = samples::cluster("dev");
    let account = Account { ou_path: None, ..cluster.account };
    Cluster { account, endpoint: "https://ABC.gr7.eu-west-1.eks.amazonaws.com".to_owned(), ..cluster }
}
