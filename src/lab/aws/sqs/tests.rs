use std::sync::Arc;

use serde_json::{Value, json};

use crate::lab::{
    aws::samples::{self, MEMBER, REGION},
    world::World,
};

fn ask(world: &Arc<World>, operation: &str, input: &Value) -> Result<Value, (String, String)> {
    samples::ask(world, (MEMBER, REGION), "sqs", operation, input)
}

fn code(answer: Result<Value, (String, String)>) -> String {
    answer.unwrap_err().0
}

#[test]
fn a_message_is_taken_given_back_and_deleted() {
    let world = samples::world();
    let made =
        ask(&world, "CreateQueue", &json!({"QueueName": "q", "Attributes": {"VisibilityTimeout": "60"}})).unwrap();
    let url = made["QueueUrl"].clone();
    assert_eq!(url, format!("http://lab/{MEMBER}/q"));
    assert_eq!(ask(&world, "GetQueueUrl", &json!({"QueueName": "q"})).unwrap(), made);
    let sent = ask(&world, "SendMessage", &json!({"QueueUrl": url, "MessageBody": "hello"})).unwrap();
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    let receive = json!({"QueueUrl": url, "AttributeNames": ["All"], "WaitTimeSeconds": 20});
    let taken = ask(&world, "ReceiveMessage", &receive).unwrap();
    let message = &taken["Messages"][0];
    assert_eq!((&message["Body"], &message["MessageId"]), (&json!("hello"), &sent["MessageId"]));
    assert_eq!(message["Attributes"]["ApproximateReceiveCount"], "1");
    assert_eq!(ask(&world, "ReceiveMessage", &receive).unwrap(), json!({}));
    let handle = message["ReceiptHandle"].clone();
    let change = json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 0});
    ask(&world, "ChangeMessageVisibility", &change).unwrap();
    assert_eq!(code(ask(&world, "ChangeMessageVisibility", &change)), "MessageNotInflight");
    let again = ask(&world, "ReceiveMessage", &receive).unwrap()["Messages"][0]["ReceiptHandle"].clone();
    assert_ne!(again, handle);
    let counts = |world| {
        let all = ask(world, "GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": ["All"]})).unwrap();
        ["", "NotVisible"].map(|kind| all["Attributes"][format!("ApproximateNumberOfMessages{kind}")].clone())
    };
    ask(&world, "DeleteMessage", &json!({"QueueUrl": url, "ReceiptHandle": handle})).unwrap();
    assert_eq!(counts(&world), ["0", "1"]);
    ask(&world, "DeleteMessage", &json!({"QueueUrl": url, "ReceiptHandle": again})).unwrap();
    assert_eq!(counts(&world), ["0", "0"]);
}

#[test]
fn errors_are_those_that_are_documented() {
    let world = samples::world();
    let url = ask(&world, "CreateQueue", &json!({"QueueName": "q"})).unwrap()["QueueUrl"].clone();
    let none = json!({"QueueUrl": format!("http://lab/{MEMBER}/other")});
    assert_eq!(code(ask(&world, "ReceiveMessage", &none)), "QueueDoesNotExist");
    let elsewhere = samples::ask(&world, (MEMBER, "us-east-1"), "sqs", "ReceiveMessage", &json!({"QueueUrl": url}));
    assert_eq!(code(elsewhere), "QueueDoesNotExist");
    let foreign =
        samples::ask(&world, (samples::MANAGEMENT, REGION), "sqs", "ReceiveMessage", &json!({"QueueUrl": url}));
    assert_eq!(code(foreign), "AccessDenied");
    let eleven = json!({"QueueUrl": url, "MaxNumberOfMessages": 11});
    assert_eq!(code(ask(&world, "ReceiveMessage", &eleven)), "InvalidParameterValueException");
    let handle = json!({"QueueUrl": url, "ReceiptHandle": "x"});
    assert_eq!(code(ask(&world, "DeleteMessage", &handle)), "ReceiptHandleIsInvalid");
    let control = json!({"QueueUrl": url, "MessageBody": "\u{1}"});
    assert_eq!(code(ask(&world, "SendMessage", &control)), "InvalidMessageContents");
    let other = json!({"QueueName": "q", "Attributes": {"VisibilityTimeout": "1"}});
    assert_eq!(code(ask(&world, "CreateQueue", &other)), "QueueNameExists");
    let unknown = json!({"QueueName": "r", "Attributes": {"Nonsense": "1"}});
    assert_eq!(code(ask(&world, "CreateQueue", &unknown)), "InvalidAttributeName");
    let large = json!({"QueueName": "r", "Attributes": {"VisibilityTimeout": "43201"}});
    assert_eq!(code(ask(&world, "CreateQueue", &large)), "InvalidAttributeValue");
    assert_eq!(code(ask(&world, "CreateQueue", &json!({"QueueName": "a b"}))), "InvalidParameterValueException");
}
