//! Forms of the Query protocol as nested values.
//!
//! See <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#request-serialization>.

use serde_json::{Map, Value};

use crate::lab::sigv4;

/// No parameter of any service is nested deeper.
const DEPTH: usize = 16;

/// `Tags.member.1.Key=a` becomes `{"Tags": [{"Key": "a"}]}`.
pub(super) fn read(body: &str) -> Map<String, Value> {
    let mut tree = Map::new();
    for (name, value) in sigv4::pairs(&body.replace('+', "%20")) {
        if name.split('.').count() <= DEPTH {
            put(&mut tree, &name, value);
        }
    }
    tree.into_iter().map(|(name, value)| (name, lists(value))).collect()
}

fn put(tree: &mut Map<String, Value>, name: &str, value: String) {
    let Some((part, rest)) = name.split_once('.') else {
        tree.insert(name.to_owned(), Value::String(value));
        return;
    };
    let inner = tree.entry(part).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// Turns what stands under `member` into a list, in the order of its numbers.
fn lists(value: Value) -> Value {
    let Value::Object(mut map) = value else { return value };
    if map.len() == 1
        && let Some(Value::Object(members)) = map.remove("member")
    {
        let mut members: Vec<(u32, Value)> =
            members.into_iter().filter_map(|(at, value)| Some((at.parse().ok()?, lists(value)))).collect();
        members.sort_by_key(|(at, _)| *at);
        return members.into_iter().map(|(_, value)| value).collect();
    }
    map.into_iter().map(|(name, value)| (name, lists(value))).collect::<Map<_, _>>().into()
}

/// Adds a parameter of a query; one that repeats becomes a list.
pub(super) fn add(input: &mut Map<String, Value>, name: String, value: String) {
    let value = Value::String(value);
    match input.remove(&name) {
        None => input.insert(name, value),
        Some(Value::Array(mut list)) => {
            list.push(value);
            input.insert(name, Value::Array(list))
        }
        Some(first) => input.insert(name, Value::Array(vec![first, value])),
    };
}
