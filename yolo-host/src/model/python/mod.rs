//! What Python's `eval` makes of an argument, as far as model files use it: numbers and arithmetic, the names that the
//! reference knows there, lists, and activations such as `nn.ReLU()`. Nothing else is evaluated.

mod arithmetic;

use crate::graph::Act;
use crate::plugin::activation::{KNOWN, SLOPE, of_torch};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Python {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list or tuple.
    List(Vec<Python>),
    /// An activation, or the identity.
    Activation(Option<Act>),
}

/// A text that is no expression, or one that is not evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{}` cannot be evaluated: {what}", text.escape_debug())]
pub struct ExpressionError {
    /// The text.
    pub text: String,
    /// What is wrong, and where.
    pub what: String,
    /// The first name in it that is not known, if that is what is wrong.
    pub unknown: Option<String>,
}

/// Longer texts, and lists in lists in lists, are no arguments.
const MAX_LEN: usize = 1000;
const MAX_DEPTH: usize = 16;

/// Evaluates `text`; `names` has the values of names.
pub fn evaluate(text: &str, names: &dyn Fn(&str) -> Option<Python>) -> Result<Python, ExpressionError> {
    let fail =
        |(what, unknown): Fault| ExpressionError { text: text.chars().take(100).collect(), what, unknown };
    if text.len() > MAX_LEN {
        return Err(fail((format!("it has {} characters, more than {MAX_LEN}", text.len()), None)));
    }
    let mut reader = Reader { text, at: 0, depth: 0, names };
    let value = reader.sum().and_then(|value| match reader.peek() {
        None => Ok(value),
        Some(',') => Err((format!("{} what follows the comma belongs elsewhere", reader.here()), None)),
        Some(other) => Err((format!("{} `{other}` is not expected", reader.here()), None)),
    });
    value.map_err(fail)
}

/// What is wrong, and a name that is not known.
type Fault = (String, Option<String>);

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    names: &'a dyn Fn(&str) -> Option<Python>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.rest().chars().next()
    }

    fn take(&mut self, token: &str) -> bool {
        self.peek();
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn here(&self) -> String {
        format!("at character {},", self.text[..self.at].chars().count() + 1)
    }

    fn fail<T>(&self, what: &str) -> Result<T, Fault> {
        Err((format!("{} {what}", self.here()), None))
    }

    /// What is inside of brackets, of signs and of powers is a level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth == MAX_DEPTH {
            return self.fail("it is nested too deeply");
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn sum(&mut self) -> Result<Python, Fault> {
        let mut value = self.product()?;
        loop {
            let operator = match self.peek() {
                Some('+') => "+",
                Some('-') => "-",
                _ => return Ok(value),
            };
            self.take(operator);
            let right = self.product()?;
            value = self.arithmetic(operator, &value, &right)?;
        }
    }

    fn product(&mut self) -> Result<Python, Fault> {
        let mut value = self.signed()?;
        loop {
            self.peek();
            let operators = ["//", "*", "/", "%"];
            let Some(operator) = operators.into_iter().find(|sign| self.rest().starts_with(sign)) else {
                return Ok(value);
            };
            self.take(operator);
            let right = self.signed()?;
            value = self.arithmetic(operator, &value, &right)?;
        }
    }

    fn signed(&mut self) -> Result<Python, Fault> {
        if self.take("-") {
            let value = self.deeper(Self::signed)?;
            return self.arithmetic("-", &Python::Int(0), &value);
        }
        if self.take("+") {
            return self.deeper(Self::signed);
        }
        let base = self.atom()?;
        if self.take("**") {
            let exponent = self.deeper(Self::signed)?;
            return self.arithmetic("**", &base, &exponent);
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<Python, Fault> {
        match self.peek() {
            Some('(') => {
                self.take("(");
                let (mut items, tuple) = self.deeper(|inner| inner.items(")"))?;
                Ok(if tuple || items.len() != 1 { Python::List(items) } else { items.remove(0) })
            }
            Some('[') => {
                self.take("[");
                self.deeper(|inner| inner.items("]")).map(|(items, _)| Python::List(items))
            }
            Some(quote @ ('\'' | '"')) => {
                self.at += 1;
                let Some(end) = self.rest().find(quote) else { return self.fail("a quote is not closed") };
                let text = self.rest()[..end].to_string();
                self.at += end + 1;
                match text.contains('\\') {
                    true => self.fail("escapes in texts are not evaluated"),
                    false => Ok(Python::Text(text)),
                }
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.name(),
            Some(other) => self.fail(&format!("`{}` is not expected", other.escape_debug())),
            None => self.fail("something is missing"),
        }
    }

    /// What is between brackets, and whether it has a comma at the end.
    fn items(&mut self, close: &str) -> Result<(Vec<Python>, bool), Fault> {
        let mut items = vec![];
        let mut comma = false;
        while !self.take(close) {
            if !items.is_empty() && !comma {
                return self.unclosed(close);
            }
            items.push(self.sum()?);
            comma = self.take(",");
        }
        Ok((items, comma))
    }

    fn unclosed<T>(&mut self, close: &str) -> Result<T, Fault> {
        match self.peek() {
            None => self.fail(&format!(
                "`{close}` is missing; where YAML's own commas cut it, put the whole argument into quotes"
            )),
            Some(_) => self.fail(&format!("`,` or `{close}` is expected")),
        }
    }

    fn number(&mut self) -> Result<Python, Fault> {
        let rest = self.rest().as_bytes();
        let mut end = 0;
        while let Some(byte) = rest.get(end) {
            let sign = matches!(byte, b'+' | b'-') && matches!(rest[end.saturating_sub(1)], b'e' | b'E');
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || (sign && end > 0)) {
                break;
            }
            end += 1;
        }
        let text = self.rest()[..end].replace('_', "");
        // Rust reads `inf` and `nan` as numbers, which begin with no digit and are names in Python.
        let value = match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(value), _) => Python::Int(value),
            (Err(_), Ok(value)) if value.is_finite() => Python::Float(value),
            _ => return self.fail(&format!("`{}` is no number", &self.rest()[..end])),
        };
        self.at += end;
        Ok(value)
    }

    fn name(&mut self) -> Result<Python, Fault> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let end = self.rest().find(|c| !is_part(c)).unwrap_or(self.rest().len());
        let name = &self.rest()[..end];
        let class = name.strip_prefix("torch.").unwrap_or(name).strip_prefix("nn.");
        match (class, name) {
            (Some(class), _) => {
                self.at += end;
                self.activation(class)
            }
            (None, "None") => self.constant(end, Python::None),
            (None, "True") => self.constant(end, Python::Bool(true)),
            (None, "False") => self.constant(end, Python::Bool(false)),
            (None, name) => match (self.names)(name) {
                Some(value) => self.constant(end, value),
                None => Err((
                    format!("{} `{name}` is no name that is known", self.here()),
                    Some(name.to_string()),
                )),
            },
        }
    }

    fn arithmetic(&self, operator: &str, left: &Python, right: &Python) -> Result<Python, Fault> {
        arithmetic::arithmetic(operator, left, right).or_else(|what| self.fail(&what))
    }

    fn constant(&mut self, end: usize, value: Python) -> Result<Python, Fault> {
        self.at += end;
        match self.peek() {
            Some('(') => self.fail("only activations of torch.nn are called"),
            _ => Ok(value),
        }
    }

    /// The arguments of `nn.CLASS`, which is written before them.
    fn activation(&mut self, class: &str) -> Result<Python, Fault> {
        let known = of_torch(class, SLOPE);
        let Some((_, parameters)) = known else {
            return self.fail(&format!("there is no activation `nn.{class}`; there are {KNOWN}"));
        };
        if !self.take("(") {
            return self.fail(&format!("`nn.{class}` is a class; write `nn.{class}()`"));
        }
        let mut slope = SLOPE;
        let (mut place, mut comma) = (0, true);
        while !self.take(")") {
            if !comma {
                return self.unclosed(")");
            }
            let keyword = parameters.iter().find(|name| {
                let rest = self.rest().trim_start().strip_prefix(**name);
                rest.is_some_and(|rest| rest.trim_start().starts_with('='))
            });
            let parameter = match keyword {
                Some(name) => {
                    self.take(name);
                    self.take("=");
                    *name
                }
                None => match parameters.get(place) {
                    Some(name) => name,
                    // PyTorch's Identity takes anything.
                    None if class == "Identity" => "",
                    None => {
                        let takes =
                            if parameters.is_empty() { "nothing".into() } else { parameters.join(", ") };
                        return self.fail(&format!("`nn.{class}` takes {takes}"));
                    }
                },
            };
            place += 1;
            match (parameter, self.deeper(Self::sum)?) {
                ("negative_slope", Python::Int(value)) => slope = value as f64,
                ("negative_slope", Python::Float(value)) => slope = value,
                // Where the result is kept changes nothing of it.
                ("inplace", Python::Bool(_) | Python::Int(0 | 1)) | ("", _) => {}
                (parameter, _) => {
                    return self.fail(&format!("`{parameter}` of nn.{class} must be something else"));
                }
            }
            comma = self.take(",");
        }
        Ok(Python::Activation(of_torch(class, slope).and_then(|(act, _)| act)))
    }
}

#[cfg(test)]
mod tests;
