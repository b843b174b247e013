use super::path_segment;

#[test]
fn a_name_becomes_one_segment_of_a_path() {
    assert_eq!(path_segment("system:masters@corp"), "system:masters@corp");
    assert_eq!(path_segment("a b?c#d/ö"), "a%20b%3Fc%23d%2F%C3%B6");
}
