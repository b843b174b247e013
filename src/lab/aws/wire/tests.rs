use super::*;

fn body(answer: &Response<Bytes>) -> String {
    String::from_utf8(answer.body().to_vec()).unwrap()
}

const QUERY: Protocol = Protocol::Query { version: "1", namespace: "urn:x" };
const JSON: Protocol = Protocol::Json { version: "1.0", target: "Thing", message: "Message" };
const REST: Protocol = Protocol::Rest(&[("GET", "/a/{name}/b", "GetB"), ("POST", "/a/{name}/b", "MakeB")]);

#[test]
fn a_form_becomes_nested_values_and_an_answer_xml() {
    let form = "Action=Do&Version=1&Tags.member.2.Key=b&Tags.member.1.Key=a+%26&One=1&Deep.Er=x";
    let asked = QUERY.read(&Request::post("/").body(Bytes::from(form)).unwrap()).unwrap();
    assert_eq!(asked.operation, "Do");
    assert_eq!(asked.input, json!({"Tags": [{"Key": "a &"}, {"Key": "b"}], "One": "1", "Deep": {"Er": "x"}}));
    let answer = QUERY.answer(&asked, &json!({"Names": ["a<", "b"], "Not": null, "Yes": true}), "id1");
    assert_eq!(
        body(&answer),
        "<DoResponse xmlns=\"urn:x\"><DoResult><Names><member>a&lt;</member><member>b</member></Names><Yes>true</Yes>\
         </DoResult><ResponseMetadata><RequestId>id1</RequestId></ResponseMetadata></DoResponse>"
    );
    let error = QUERY.error(&Fault::new("ExpiredToken", "old").status(403), "id2");
    assert_eq!(error.status(), 403);
    assert_eq!(
        body(&error),
        "<ErrorResponse xmlns=\"urn:x\"><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>old</Message>\
         </Error><RequestId>id2</RequestId></ErrorResponse>"
    );
    let other = Request::post("/").body(Bytes::from("Action=Do&Version=2")).unwrap();
    assert_eq!(QUERY.read(&other).unwrap_err().refusal.code, "InvalidAction");
}

#[test]
fn a_target_names_the_operation_and_errors_are_spelled_as_json_has_them() {
    let request = Request::post("/").header("x-amz-target", "Thing.Do").body(Bytes::from("{\"A\":1}")).unwrap();
    assert_eq!(JSON.read(&request).unwrap(), Asked { operation: "Do".to_owned(), input: json!({"A": 1}) });
    let other = Request::post("/").header("x-amz-target", "Other.Do").body(Bytes::new()).unwrap();
    assert_eq!(JSON.read(&other).unwrap_err().refusal.code, "InvalidAction");
    let broken = Request::post("/").header("x-amz-target", "Thing.Do").body(Bytes::from("[")).unwrap();
    assert_eq!(JSON.read(&broken).unwrap_err().refusal.code, "SerializationException");
    let fault = Fault { query_error: Some("Old.Code"), ..Fault::new("ExpiredToken", "old").with("Reason", "WHY") };
    let error = JSON.error(&fault, "id");
    assert_eq!(
        (error.status().as_u16(), &error.headers()["x-amzn-query-error"]),
        (400, &"Old.Code;Sender".parse().unwrap())
    );
    assert_eq!(error.headers()["content-type"], "application/x-amz-json-1.0");
    let told: Value = serde_json::from_slice(error.body()).unwrap();
    assert_eq!(told, json!({"__type": "ExpiredTokenException", "Message": "old", "Reason": "WHY"}));
}

#[test]
fn a_path_names_the_operation_and_its_parameters() {
    let request = Request::get("/a/x%2Fy/b?n=1&k=1&k=2").body(Bytes::new()).unwrap();
    let input = json!({"name": "x/y", "n": "1", "k": ["1", "2"]});
    assert_eq!(REST.read(&request).unwrap(), Asked { operation: "GetB".to_owned(), input });
    let request = Request::post("/a/x/b").body(Bytes::from("{\"c\":true}")).unwrap();
    let input = json!({"name": "x", "c": true});
    assert_eq!(REST.read(&request).unwrap(), Asked { operation: "MakeB".to_owned(), input });
    for path in ["/a/x/c", "/a//b", "/a/x/b/c"] {
        let unknown = REST.read(&Request::get(path).body(Bytes::new()).unwrap()).unwrap_err();
        assert_eq!(unknown.refusal.code, "InvalidAction", "{path}");
    }
    let error = REST.error(&Fault::new("Throttling", "slow").status(400), "id");
    assert_eq!(
        (error.status().as_u16(), &error.headers()["x-amzn-errortype"]),
        (429, &"ThrottlingException".parse().unwrap())
    );
    assert_eq!(body(&error), "{\"message\":\"slow\"}");
}
