//! What Python reads, what it does not, and what nobody can tell from the text alone.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::*;

/// The value, `None` for a proven absence, or the message.
fn value(text: &str) -> Result<Option<Value>, String> {
    match read(text, "X") {
        Ok(Some(place)) => place.value.map(Some).map_err(|error| format!("there; {error}")),
        Ok(None) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Expressions that are literals: ours must agree with Python about each, or decline.
const LITERALS: &[&str] = &[
    "1",
    "-1",
    "+1",
    "0",
    "00",
    "0_0",
    "-0",
    "0xFF",
    "0XfF",
    "-0x10",
    "0o17",
    "0b1_0",
    "0x_f",
    "1_000",
    "9223372036854775808",
    "18446744073709551616",
    "-18446744073709551616",
    "0x1_0000_0000_0000_0000",
    "1.5",
    ".5",
    "5.",
    "1e3",
    "1E-3",
    "1_0.0_1e1_0",
    "-1.5",
    "0.1",
    "1e22",
    "123456789.123456789",
    "5e-324",
    "'a'",
    "\"a\"",
    "'''a\nb'''",
    "\"\"\"a\"b\"\"\"",
    "r'a\\nb'",
    "R\"\\\"\"",
    "u'é'",
    "b'ab'",
    "rb'\\x'",
    "Br'a'",
    "'a' 'b'",
    "'a' r'\\b' \"c\"",
    "('a'\n  'b')",
    "'\\x41\\u00e9\\U0001F600'",
    "'\\101\\7\\08'",
    "'\\a\\b\\f\\v\\t\\r\\n'",
    "'\\q\\''",
    "'a\\\nb'",
    "'#'",
    "'x = 2'",
    "''",
    "''''''",
    "''''a'''",
    "b'\\x41'",
    "True",
    "False",
    "None",
    "(1)",
    "((1))",
    "(1,)",
    "()",
    "1,",
    "1, 2",
    "(1, 'a', [None])",
    "[]",
    "[1, 2,]",
    "[\n 1, # one\n 2\n]",
    "{}",
    "{'a': 1, 'b': [True]}",
    "{'a': {'b': ()},}",
    "( # c\n -1\n)",
    "[[[[1]]]]",
    "-True",
    "- - 1",
    "'\\N{DASH}'",
    "1j",
    "{1: 2}",
    "{1, 2}",
    "...",
    "1 + 2j",
    "b'\\xff'",
    "{'a': 1, 'a': 2}",
];

/// What Python itself makes of expressions: `None` where it has no literal.
fn by_python(texts: &[&str]) -> Option<Vec<Option<Value>>> {
    const SCRIPT: &str = "
import ast, json, sys, warnings
warnings.simplefilter('ignore')
def plain(v):
    if isinstance(v, bool) or v is None or isinstance(v, str): return v
    if isinstance(v, float): return 'float ' + repr(v)
    if isinstance(v, int): return v if -2**63 <= v < 2**64 else str(v)
    if isinstance(v, bytes): return v.decode()
    if isinstance(v, (list, tuple)): return [plain(i) for i in v]
    if isinstance(v, dict) and all(isinstance(k, str) for k in v): return {k: plain(i) for k, i in v.items()}
    raise ValueError
def one(text):
    try: return [plain(ast.literal_eval(ast.parse('X = ' + text).body[0].value))]
    except Exception: return []
print(json.dumps([one(t) for t in json.load(sys.stdin)]))
";
    let mut child = Command::new("python3")
        .args(["-I", "-B", "-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let input = serde_json::to_vec(texts).expect("plain data");
    child.stdin.take().expect("piped").write_all(&input).expect("python3 reads");
    let output = child.wait_with_output().expect("python3 ends");
    assert!(output.status.success(), "python3 failed");
    let lists: Vec<Vec<Value>> = serde_json::from_slice(&output.stdout).expect("a list of lists");
    Some(lists.into_iter().map(|list| list.into_iter().next()).collect())
}

#[test]
fn literals_are_what_python_says_they_are() {
    let Some(answers) = by_python(LITERALS) else {
        eprintln!("SKIPPED: there is no python3 to compare with");
        return;
    };
    let mut declined = Vec::new();
    for (text, wanted) in LITERALS.iter().zip(answers) {
        match value(&format!("X = {text}\n")) {
            Ok(Some(ours)) => {
                let wanted = wanted.unwrap_or_else(|| panic!("Python has no value for {text}"));
                assert_eq!(ours, exactly(wanted), "{text}");
            }
            Ok(None) => panic!("{text} was not seen"),
            Err(_) => declined.push(*text),
        }
    }
    let honest = [
        "-True",
        "- - 1",
        "'\\N{DASH}'",
        "1j",
        "{1: 2}",
        "{1, 2}",
        "...",
        "1 + 2j",
        "b'\\xff'",
        "{'a': 1, 'a': 2}",
    ];
    assert_eq!(declined, honest);
}

/// Floats travel as text: `serde_json` does not read every float back exactly.
fn exactly(value: Value) -> Value {
    match value.as_str().and_then(|text| text.strip_prefix("float ")) {
        Some(digits) => Value::from(digits.parse::<f64>().expect("a float")),
        None => value,
    }
}

#[test]
fn the_one_plain_assignment_is_found() {
    let cases = [
        ("X = 1", 1, json!(1)),
        ("\n\nX=False  # only a ruling flips it\r\n", 3, json!(false)),
        ("X: Final[bool] = True\n", 1, json!(true)),
        ("X: int\nX = 2\n", 2, json!(2)),
        ("a = 1; X = 2; b = 3\n", 1, json!(2)),
        ("X = \\\n  'a' \\\n  'b'\n", 1, json!("ab")),
        ("\"\"\"\nX = 0\n\"\"\"\nX = 1\n", 4, json!(1)),
        ("s = '''\nX = 0\n'''; X = 1", 3, json!(1)),
        ("# X = 0\nX = 1\n", 2, json!(1)),
        (
            "def f(X=0):\n    X = 3\n    for X in []: pass\n    import X\n    return X\nX = 1\n",
            6,
            json!(1),
        ),
        ("class A:\n    X = 0\n    def X(self): X = 2\nX = 1\n", 4, json!(1)),
        ("class A: X = 0\nX = 1\n", 2, json!(1)),
        ("async def f():\n  async for X in y: pass\nX = 1\n", 3, json!(1)),
        ("a.X = 0\nb['X'] = 0\nc[X] = 0\nf(X).x = 0\nf(X=0)\nX = 1\n", 6, json!(1)),
        ("y = [X for X in z]\nX = 1\n", 2, json!(1)),
        ("if X == 2:\n    Y = X\nelif X: pass\nX = 1\n", 4, json!(1)),
        ("for i in X: pass\nwith X as y, f(X) as z: pass\nX = 1\n", 3, json!(1)),
        ("from X import y\nfrom m import X as z\nimport a.X, X as b\nX = 1\n", 4, json!(1)),
        ("f = lambda X=0: X\ng: lambda X: X = 3\nX = 1\n", 3, json!(1)),
        ("y = f\"{X!r:>{w}} {a['b']} {n:#04x} {id(a[1:]):#x} {{\"\nX = 1\n", 2, json!(1)),
        ("y = f'''{d['k']} \"\nX = 0\n'''\nX = 1\n", 4, json!(1)),
        ("@deco(X)\ndef f(): pass\nX = 1\n", 3, json!(1)),
        ("if a:\n\tb = 1\n\tif c:\n\t\td\nX = 1\n", 5, json!(1)),
        ("if a:\n    (b,\nc)\n    d\nX = 1\n", 5, json!(1)),
        ("match = 1\ncase = X\ntype = 2\nX = 1\n", 4, json!(1)),
        ("# -*- coding: utf-8 -*-\n\x0cX = 1\n", 2, json!(1)),
        ("größe = 1\nX = 1\n", 2, json!(1)),
    ];
    for (text, line, wanted) in cases {
        let place = read(text, "X").unwrap_or_else(|e| panic!("{text}: {e}")).expect(text);
        assert_eq!((place.line, place.value), (line, Ok(wanted)), "{text}");
    }
}

#[test]
fn absence_is_proven() {
    for text in [
        "",
        "\n",
        "x = 1",
        "# X = 1",
        "'X = 1'",
        "def f():\n  X = 1",
        "a.X = 1",
        "f(X=1)",
        "X",
        "X: int",
        "XX = 1\n_X = 2\n",
        "print(X)",
        "y = {X: 1}",
        "from a import X as y",
    ] {
        assert_eq!(value(text), Ok(None), "{text}");
    }
}

#[test]
fn a_name_that_is_there_without_a_certain_value() {
    for text in [
        "X = f()",
        "X = 1 + 1",
        "X = 'a' % b",
        "X = f'a'",
        "X = 'a' f'b'",
        "X = [y]",
        "X = [*y]",
        "X = (yield)",
        "X = not True",
        "X = 1 if a else 2",
        "X = 'a'.upper()",
        "X = [1][0]",
        "X = (1)(2)",
        "X = 1e999",
        "X = -True",
        "X = 1\nX = 1",
        "X = 1\nX += 1",
        "X = 1\nif a:\n    X = 2",
        "X = []\nX[0] = 1",
        "X = a\nX.b = 1",
        "X = 1\ndef f():\n  global X\n  X = 2",
        "X = 1\ndef f(): global a, X; X = 2",
        "X = 1\nclass A:\n  global X\n  X = 2",
        "X = 1\nfor X in y: pass",
        "X = 1\nfor a, (X, b) in y:\n  pass",
        "X = 1\n(X) = 2",
        "X = 1\na, X = 2, 3",
        "X = 1\n[a, *X] = y",
        "X = 1\na = X = 2",
        "X = 1\nprint(X := 2)",
        "X = 1\ny = [X := z for z in w]",
        "X = 1\n@d(X := 2)\ndef f(): pass",
        "X = 1\ndef f(a=(X := 2)): pass",
        "X = 1\nif (X := 2): pass",
        "X = 1\nimport X",
        "X = 1\nimport X.y",
        "X = 1\nimport a as X",
        "X = 1\nfrom a import X",
        "X = 1\nfrom a import *",
        "X = 1\nfrom a import (b,\n X,)",
        "X = 1\nfrom a import b as X",
        "X = 1\ndef X(): pass",
        "X = 1\nasync def X(): pass",
        "X = 1\nclass X: pass",
        "X = 1\nwith a as X: pass",
        "X = 1\nwith (a as b, c as X): pass",
        "X = 1\nwith a as (b, X): pass",
        "X = 1\nmatch a:\n  case X: pass",
        "X = 1\nmatch a:\n  case b:\n    X = 1",
        "X = 1\ntype X = int",
        "X = 1\n𝐗 = 2",
        "X = 1\nX: int = 2",
        "X = 1\nif a: X = 2",
        "X = 1\nwhile a:\n  b\n  X = 2",
        "X = 1\ntry:\n X = 2\nfinally: pass",
        "X = 1\nclass A:\n  def f(self):\n    global X",
    ] {
        assert!(value(text).is_err_and(|e| e.starts_with("there; ")), "{text}: {:?}", value(text));
    }
}

#[test]
fn a_name_that_may_or_may_not_be_there() {
    for text in [
        "if a:\n  X = 1",
        "if a: X = 1",
        "try:\n  X = 1\nexcept E:\n  X = 2",
        "for a in b:\n  X = 1",
        "with a:\n  X = 1",
        "if a:\n  if b:\n    X = 1",
        "X = 1\ndel X",
        "X = 1\ntry: pass\nexcept E as X: pass",
        "X = 1\ndel (a, X)",
        "from a import *",
        "import X",
        "a, X = 1, 2",
        "match a:\n  case {'k': X}: pass",
        "if a:\n  b; X = 1",
        "else: X = 1",
        "def f():\n  global X",
        "# coding: utf-7\nX = 1",
        "X = 1\rX = 2\n",
        "# a\rX = 2\n",
        "y = f'{a[\"}'']\"]}'\nX = 1",
        "y = f\"{a[\"b\"]}\"\nX = 1",
        "y = f\"{a # }\"\nX = 1",
        "y = f\"{a[1:2 # }\"\nX = 1",
        "y = f\"{'a:b' # }\"\nX = 1",
        "y = f\"{ {1:2 # }}\"\nX = 1",
        "y = 1if a else 2\nX = 1",
        "  \\\nX = 1",
        "if a:\n \tX = 1",
    ] {
        assert!(value(text).is_err_and(|e| !e.starts_with("there")), "{text}: {:?}", value(text));
    }
}

#[test]
fn malformed_text_is_refused_with_its_line() {
    let cases = [
        ("X = 1\ny = 'a\n", 2),
        ("y = '''a\n\nX = 1\n", 1),
        ("y = (\nX = 1\n", 3),
        ("y = )\nX = 1", 1),
        ("y = (]\nX = 1", 1),
        ("X = 1\ny = a ? b", 2),
        ("X = 1\n  X = 2", 2),
        ("X = 1 \\ \n", 1),
        ("X = \0", 1),
        ("a\nif b\nX = 1", 2),
        ("X = 1\ny = $a", 2),
    ];
    for (text, at) in cases {
        let error = read(text, "X").expect_err(text);
        assert!(
            matches!(error, LiteralError::Malformed { line, .. } if line == at),
            "{text}: {error}"
        );
    }
}

#[test]
fn messages_never_quote_the_text() {
    for text in [
        "X = secret()",
        "X = 'secret\n",
        "X = 'secret' + a",
        "X = b'secret' 'secret'",
        "X = {'secret': 1, 'secret': 2}",
    ] {
        let message = value(text).expect_err(text);
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn large_texts_are_read_to_their_end() {
    let n = 200_000;
    let texts = [
        format!("y = f'{{x:{}}}'\nX = 1\n", "#".repeat(n)),
        format!("y = f\"{}\"\nX = 1\n", "{x['a']:{w}}".repeat(n / 10)),
        format!("y = [{}]\nX = 1\n", "1, ".repeat(n)),
        format!("{}X = 1\n", "a, b = c; ".repeat(n / 10)),
        format!("{}X = 1\n", "if a: b = c\n".repeat(n / 10)),
        format!("y = {}1\nX = 1\n", "lambda: ".repeat(n / 10)),
        format!("X = 1\ny = '''{}'''\n", "\\\n".repeat(n)),
    ];
    for text in texts {
        assert_eq!(value(&text), Ok(Some(json!(1))), "{}", &text[..20]);
    }
}

#[test]
fn keys_are_names() {
    for bad in ["", "a.b", "1a", "a b", "é", "None", "class"] {
        assert!(check(bad).is_err(), "{bad}");
    }
    assert_eq!(check("__execution_enabled__"), Ok(()));
}
