//! Small pickles, written out by hand: what they leave on the stack, and which of them are refused.

use super::machine::Machine;
use super::{Heap, Object, Value};
use crate::weights::ErrorKind;
use crate::weights::budget::Budget;

/// The value that a pickle of only data leaves, spelt as Python would.
fn spelt(bytes: &[u8]) -> Result<String, ErrorKind> {
    let (mut heap, mut budget, mut end) = (Heap::default(), Budget::for_file(bytes.len()), 0);
    let value = Machine::new(bytes, 0, &mut heap, &mut budget).run(&mut end)?;
    assert_eq!(end, bytes.len());
    Ok(spell(&heap, value, 0))
}

fn spell(heap: &Heap, value: Value, depth: usize) -> String {
    if depth > 3 {
        return "...".into();
    }
    let list =
        |items: &[Value]| items.iter().map(|v| spell(heap, *v, depth + 1)).collect::<Vec<_>>().join(", ");
    match heap.object(value) {
        None => format!("{value:?}"),
        Some(Object::Str(text)) => format!("'{text}'"),
        Some(Object::Tuple(items)) => format!("({})", list(items)),
        Some(Object::List(items)) => format!("[{}]", list(items)),
        Some(Object::Set(items)) => format!("set({})", list(items)),
        Some(Object::Dict(pairs)) => {
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| list(&[*k, *v]).replacen(", ", ": ", 1)).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Some(other) => format!("{other:?}"),
    }
}

#[test]
fn containers_of_every_spelling() {
    let cases: [(&[u8], &str); 12] = [
        (b"\x80\x02K\x01.", "Int(1)"),
        (b"(K\x01K\x02t.", "(Int(1), Int(2))"),
        (b"NN\x86.", "(None, None)"),
        (b"]](K\x01K\x02ea.", "[[Int(1), Int(2)]]"),
        (b"](K\x01K\x02eK\x03a.", "[Int(1), Int(2), Int(3)]"),
        (b"}(K\x01NK\x02Nu.", "{Int(1): None, Int(2): None}"),
        (b"(K\x01Nd\x8c\x01aNs.", "{Int(1): None, 'a': None}"),
        (b"\x8f(K\x01\x90(K\x02\x91\x86.", "(set(Int(1)), set(Int(2)))"),
        (b"N(NN10N.", "None"),
        (b"c__builtin__\nset\n](K\x05e\x85R.", "set(Int(5))"),
        (b"\x80\x04\x95\0\0\0\0\0\0\0\0\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R.", "{}"),
        (b"(cargparse\nNamespace\no}b.", "Opaque"),
    ];
    for (bytes, want) in cases {
        assert_eq!(spelt(bytes).unwrap(), want, "{bytes:x?}");
    }
}

#[test]
fn what_is_filled_later_is_shared() {
    // a = {}; [a, a]; a[1] = None
    assert_eq!(spelt(b"]}\x94ah\0ah\0K\x01Ns0.").unwrap(), "[{Int(1): None}, {Int(1): None}]");
    // a = []; a.append(a)
    assert_eq!(spelt(b"]q\0h\0a.").unwrap(), "[[[[...]]]]");
}

#[test]
fn misuse_is_an_error() {
    let cases: [(&[u8], &str); 13] = [
        (b".", "at byte 0: the stack is empty"),
        (b"N(.", "at byte 2: the stack is empty"),
        (b"N(\x85.", "the stack is empty"),
        (b"t.", "no mark is set"),
        (b"h\x07.", "nothing is kept as 7"),
        (b"NNa.", "items for what is no list"),
        (b"NNNs.", "keys for what is no dict"),
        (b"}(Nu.", "a key without a value"),
        (b"NN\x93.", "a name that is no text"),
        (b"N)R.", "a call of what is no class"),
        (b"(N)o.", "a call of what is no class"),
        (b"NNb.", "state for what has none"),
        (b"NQ.", "a reference to nothing in the file"),
    ];
    for (bytes, want) in cases {
        let got = spelt(bytes).unwrap_err().to_string();
        assert!(got.contains(want), "{bytes:x?}: {got}");
    }
}

#[test]
fn a_forbidden_name_ends_it_before_the_call() {
    for bytes in [
        &b"cos\nsystem\n\x8c\x02ls\x85R."[..],
        b"\x8c\x02os\x8c\x06system\x93.",
        b"(\x8c\x02lsios\nsystem\n.",
    ] {
        assert!(matches!(spelt(bytes), Err(ErrorKind::ForbiddenClass { class }) if class == "os.system"));
    }
}

#[test]
fn memory_is_limited_by_the_size_of_the_file() {
    const MANY: usize = (1 << 21) + 1;
    for op in [b']', b'N', b'(', 0x94] {
        let bytes = [vec![b'N'], vec![op; MANY]].concat();
        assert!(matches!(spelt(&bytes), Err(ErrorKind::TooLarge(_))), "{op:#x}");
    }
}
