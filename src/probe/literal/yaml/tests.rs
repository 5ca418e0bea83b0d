//! Values with their types and lines, everything in which readers disagree, and input that wants to exhaust the reader.

use serde_json::json;

use super::*;

const TEXT: &str = "\
# services
version: \"3.8\"
web:
  image: nginx
  ports: [80, \"443:443\"]
  on: yes
  limit: &limit 0x1F
  env:
    debug: false
    empty:
    'a.b': 1.5
    text: |
      two
      lines
  copy: *limit
list:
  - name: one
  - name: two
? [1, 2]
: complex
";

fn told(text: &str, key: &str) -> Result<Option<(u64, Value)>, LiteralError> {
    let Some(place) = read(text, key)? else { return Ok(None) };
    Ok(Some((place.line, place.value?)))
}

fn is_undecidable(text: &str, key: &str) -> bool {
    matches!(told(text, key), Err(LiteralError::Undecidable { .. }))
}

#[test]
fn values_have_their_type_and_line() {
    let cases = [
        ("version", 2, json!("3.8")),
        ("web.image", 4, json!("nginx")),
        ("web.ports", 5, json!([80, "443:443"])),
        ("web.on", 6, json!("yes")),
        ("web.limit", 7, json!(31)),
        ("web.env.debug", 9, json!(false)),
        ("web.env.empty", 10, json!(null)),
        ("web.env.\"a.b\"", 11, json!(1.5)),
        ("web.env.text", 12, json!("two\nlines\n")),
        ("web.copy", 15, json!(31)),
        ("list", 16, json!([{"name": "one"}, {"name": "two"}])),
    ];
    for (key, line, value) in cases {
        assert_eq!(told(TEXT, key), Ok(Some((line, value))), "{key}");
    }
}

#[test]
fn plain_scalars_are_typed_by_the_core_schema() {
    let cases = [
        ("true", json!(true)),
        ("FALSE", json!(false)),
        ("tRUE", json!("tRUE")),
        ("yes", json!("yes")),
        ("no", json!("no")),
        ("off", json!("off")),
        ("~", json!(null)),
        ("null", json!(null)),
        ("0", json!(0)),
        ("-12", json!(-12)),
        ("+12", json!(12)),
        ("0o17", json!(15)),
        ("0xff", json!(255)),
        ("-0xff", json!("-0xff")),
        ("0x", json!("0x")),
        ("0b1", json!("0b1")),
        ("1_000", json!("1_000")),
        ("12:30:45", json!("12:30:45")),
        ("2026-05-21", json!("2026-05-21")),
        ("1.", json!(1.0)),
        (".5", json!(0.5)),
        ("1e3", json!(1000.0)),
        ("-1.5e-3", json!(-0.0015)),
        ("1e", json!("1e")),
        (".", json!(".")),
        ("+", json!("+")),
        ("1.2.3", json!("1.2.3")),
        ("18446744073709551616", json!("18446744073709551616")),
        ("'1'", json!("1")),
        ("!!str 1", json!("1")),
        ("! 1", json!("1")),
        ("a # comment", json!("a")),
        ("infinity", json!("infinity")),
        ("nan", json!("nan")),
    ];
    for (text, value) in cases {
        assert_eq!(told(&format!("k: {text}\n"), "k"), Ok(Some((1, value))), "{text}");
    }
}

#[test]
fn absence_is_proven() {
    for absent in ["none", "version.x", "web.none", "web.env.empty.x", "web.image.x"] {
        assert_eq!(told(TEXT, absent), Ok(None), "{absent}");
    }
    for text in ["", "# nothing\n", "---\n", "~\n", "just text\n", "---\na: 1\n...\n"] {
        assert_eq!(told(text, "k"), Ok(None), "{text}");
    }
}

#[test]
fn where_readers_disagree_nothing_is_decided() {
    let cases = [
        "k: 1\nk: 1\n",
        "k: {a: 1, a: 1}\n",
        "k: {1: a}\n",
        "k: {[1]: a}\n",
        "k: 010\n",
        "k: -00\n",
        "k: .inf\n",
        "k: -.INF\n",
        "k: .nan\n",
        "k: 1e999\n",
        "k: !vault secret\n",
        "k: !!int 1\n",
        "k: !custom {a: 1}\n",
        "k: {<<: {a: 1}, b: 2}\n",
        "<<: {k: 1}\na: 1\n",
        "!x a: 1\n",
        "--- {k: 1}\n--- {k: 2}\n",
        "%YAML 1.1\n---\nk: yes\n",
        "%TAG ! tag:x,2026:\n---\nk: 1\n",
        "- k: 1\n",
        "k: 1\ra: 2\n",
    ];
    for text in cases {
        assert!(is_undecidable(text, "k"), "{text}: {:?}", told(text, "k"));
    }
    assert!(is_undecidable(TEXT, "list.name"));
    assert!(is_undecidable("k: !x {a: 1}\n", "k.a"));
    assert!(is_undecidable("k: {a: 1}\nk: {a: 1}\n", "k.a"));
    // A key that is there itself wins over one that would be merged, for every reader.
    assert_eq!(told("k: 1\n<<: {k: 2}\n", "k"), Ok(Some((1, json!(1)))));
    assert_eq!(told("\"<<\": 1\n", "k"), Ok(None));
    assert_eq!(told("k: {\"<<\": 1}\n", "k"), Ok(Some((1, json!({"<<": 1})))));
    // What is doubtful elsewhere is nobody's business.
    assert_eq!(told("a: 1\na: 2\nb: !vault x\nk: 3\n", "k"), Ok(Some((4, json!(3)))));
    assert_eq!(read("k: !vault x\n", "k").expect("there").expect("there").line, 1);
}

#[test]
fn what_is_no_yaml_is_malformed_where_it_breaks() {
    let cases = [
        ("a: 1\nk: [1\n", None),
        ("a: 1\nk: 'secret\n", None),
        ("a: 1\n\tk: 2\n", None),
        ("a: 1\n k: 2\n", Some(2)),
        ("k: *none\n", Some(1)),
        ("k: 1\n- 2\n", Some(2)),
        ("k: @x\n", Some(1)),
    ];
    for (text, at) in cases {
        let error = told(text, "k").expect_err(text);
        let LiteralError::Malformed { line, .. } = error else { panic!("{text}: {error}") };
        assert!(at.is_none_or(|at| at == line), "{text}: line {line}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn aliases_are_followed_as_far_as_a_bound_allows() {
    let text = "base: &base {k: &v 1}\nuse: *base\ndeep: [*v, *base]\n*v : 5\n";
    assert_eq!(told(text, "use.k"), Ok(Some((1, json!(1)))));
    assert_eq!(told(text, "use"), Ok(Some((2, json!({"k": 1})))));
    assert_eq!(told(text, "deep"), Ok(Some((3, json!([1, {"k": 1}])))));
    assert_eq!(told(text, "1"), Ok(Some((4, json!(5)))));
    // A value that holds itself, and one that grows with every line.
    assert!(is_undecidable("k: &a [*a]\n", "k"));
    assert!(is_undecidable("k: &a {b: *a}\n", "k"));
    let line = |n: usize| {
        let item = n.checked_sub(1).map_or_else(|| "1".to_owned(), |n| format!("*a{n}"));
        format!("a{n}: &a{n} [{}]\n", vec![item; 10].join(", "))
    };
    let laughs = (0..20).map(line).collect::<Vec<_>>().concat();
    assert!(is_undecidable(&format!("{laughs}k: *a19\n"), "k"));
    assert_eq!(told(&format!("{laughs}k: 1\n"), "k"), Ok(Some((21, json!(1)))));
    // Few values, and each of them long; as a key as well.
    let long = format!("a: &a {}\n", "x".repeat(1 << 20));
    let items = vec!["*a"; 20].join(", ");
    assert!(is_undecidable(&format!("{long}k: [{items}]\n"), "k"));
    assert!(told(&format!("{long}k: [*a, *a]\n"), "k").is_ok_and(|found| found.is_some()));
    let items = vec!["{*a : 1}"; 20].join(", ");
    assert!(is_undecidable(&format!("{long}k: [{items}]\n"), "k"));
}

#[test]
fn large_input_ends_in_an_error_or_an_answer() {
    let many = format!("k: [{}]\n", "1,".repeat(NODES_MAX));
    assert!(is_undecidable(&many, "k"));
    let wide = format!("k: \"{}\"\n", "x".repeat(1 << 20));
    assert!(told(&wide, "k").is_ok_and(|found| found.is_some()));
    let anchors: Vec<String> = (0..20_000).map(|n| format!("a{n}: &a{n} 1\n")).collect();
    assert_eq!(told(&format!("{}k: *a7\n", anchors.concat()), "k"), Ok(Some((20_001, json!(1)))));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in "(k|: |:|- |\\? |  |\n|\"|'|\\[|\\]|\\{|\\}|,|&a|\\*a|!|!!str|<<|\\||>|#|%|@|---|\\.\\.\\.|\t|\r|~|0x|1|é|\u{85}|\u{feff}){0,40}",
    ) {
        let found = told(&text, "k");
        if let Ok(Some((line, _))) = found {
            proptest::prop_assert!(line >= 1);
        }
    }
}
