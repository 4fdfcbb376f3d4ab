//! What Python gives for the same texts.

use super::*;

fn eval(text: &str) -> Result<Python, ExpressionError> {
    evaluate(text, &|name| match name {
        "nc" => Some(Python::Int(80)),
        "na" => Some(Python::Int(3)),
        "gw" => Some(Python::Float(0.25)),
        _ => None,
    })
}

/// What Python 3 gives for the same text.
#[test]
fn numbers_are_python_s() {
    let ints = [
        ("64*2", 128),
        ("na * (nc + 5)", 255),
        ("7//2", 3),
        ("-7//2", -4),
        ("7//-2", -4),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        ("-2**2", -4),
        ("2**-0", 1),
        ("2**3**2", 512),
        ("- -3", 3),
        ("1_000", 1000),
        ("(((5)))", 5),
    ];
    for (text, want) in ints {
        assert_eq!(eval(text), Ok(Python::Int(want)), "{text}");
    }
    let floats = [
        ("1/4", 0.25),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("1e-3", 0.001),
        ("2**-1", 0.5),
        ("7.5//2", 3.0),
        ("-7.5 % 2", 0.5),
        ("256*gw", 64.0),
        ("1E+2", 100.0),
    ];
    for (text, want) in floats {
        assert_eq!(eval(text), Ok(Python::Float(want)), "{text}");
    }
}

#[test]
fn lists_words_and_constants() {
    let list = |items: &[i64]| Python::List(items.iter().map(|item| Python::Int(*item)).collect());
    assert_eq!(eval("(1, 1)"), Ok(list(&[1, 1])));
    assert_eq!(eval("[3, 1+2,]"), Ok(list(&[3, 3])));
    assert_eq!(eval("(3,)"), Ok(list(&[3])));
    assert_eq!(eval("()"), Ok(list(&[])));
    assert_eq!(eval("[[10,13], [16,30]]"), Ok(Python::List(vec![list(&[10, 13]), list(&[16, 30])])));
    assert_eq!(eval("None"), Ok(Python::None));
    assert_eq!(eval(" True "), Ok(Python::Bool(true)));
    assert_eq!(eval("'a b'"), Ok(Python::Text("a b".into())));
}

#[test]
fn activations_with_their_arguments() {
    let cases = [
        ("nn.ReLU()", Some(Act::Relu)),
        ("nn.SiLU(inplace=True)", Some(Act::Silu)),
        ("nn.ReLU6(True)", Some(Act::Relu6)),
        ("nn.LeakyReLU()", Some(Act::LeakyRelu(0.01))),
        ("nn.LeakyReLU(0.1, inplace = True)", Some(Act::LeakyRelu(0.1))),
        ("torch.nn.LeakyReLU(inplace=True, negative_slope=1/8)", Some(Act::LeakyRelu(0.125))),
        ("nn.Hardswish()", Some(Act::HardSwish)),
        ("nn.Mish()", Some(Act::Mish)),
        ("nn.Identity()", None),
        ("nn.Identity(54)", None),
    ];
    for (text, want) in &cases {
        assert_eq!(eval(text), Ok(Python::Activation(*want)), "{text}");
    }
}

#[test]
fn everything_else_is_refused_by_place() {
    let deep = "(".repeat(100_000);
    let cases = [
        ("nn.GELU()", "there is no activation `nn.GELU`; there are nn.SiLU()"),
        ("nn.ReLU", "write `nn.ReLU()`"),
        ("nn.LeakyReLU(0.1", "`)` is missing; where YAML's own commas"),
        ("nn.Sigmoid(1)", "takes nothing"),
        ("nn.LeakyReLU('a')", "`negative_slope` of nn.LeakyReLU must be"),
        ("inplace=True)", "`inplace` is no name"),
        ("__import__('os').system('x')", "`__import__` is no name"),
        ("nc()", "only activations of torch.nn are called"),
        ("nc.real", "`nc.real` is no name"),
        ("1 +", "at character 4, something is missing"),
        ("1 2", "at character 3, `2`"),
        ("1/0", "no number"),
        ("9**99", "no number"),
        ("1e999", "is no number"),
        ("9223372036854775807 + 1", "too large"),
        ("[1] + [2]", "`+` is for numbers"),
        ("'a", "a quote is not closed"),
        ("0x10", "`0x10` is no number"),
        ("", "something is missing"),
        (&deep, "100000 characters"),
        (&deep[..900], "nested too deeply"),
        ("~1", "`~` is not expected"),
        ("2**2**2**2**2**2**2", "too large"),
    ];
    for (text, want) in cases {
        let error = eval(text).expect_err(text).to_string();
        assert!(error.contains(want), "{text:.40}: {error}");
    }
}
