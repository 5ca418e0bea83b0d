//! Tokens of an expression as a value, when the expression is a literal.
//!
//! Tuples and lists become arrays, bytes become the text they hold. A dictionary needs keys of text.

use serde_json::{Map, Value};

use super::lexer::Token;
use super::strings;
use crate::probe::literal::{DEPTH_MAX, LiteralError};

/// The value of a whole expression.
pub(super) fn parse(tokens: &[(Token<'_>, u64)], line: u64) -> Result<Value, LiteralError> {
    let mut parser = Parser { tokens, at: 0, line };
    let first = parser.value(0)?;
    let value = if parser.peek() == Some(Token::Op(",")) {
        Value::Array(parser.more(first, 0)?)
    } else {
        first
    };
    if parser.peek().is_some() { Err(parser.computed()) } else { Ok(value) }
}

struct Parser<'a, 't> {
    tokens: &'a [(Token<'t>, u64)],
    at: usize,
    line: u64,
}

impl<'t> Parser<'_, 't> {
    fn value(&mut self, depth: usize) -> Result<Value, LiteralError> {
        if depth > DEPTH_MAX {
            return Err(LiteralError::too_deep(self.line));
        }
        match self.next() {
            Some(Token::Name("True")) => Ok(Value::Bool(true)),
            Some(Token::Name("False")) => Ok(Value::Bool(false)),
            Some(Token::Name("None")) => Ok(Value::Null),
            Some(Token::Number(text)) => self.number(text, false),
            Some(Token::Op(sign @ ("-" | "+"))) => self.signed(sign == "-"),
            Some(Token::Str(prefix, body)) => self.string(prefix, body),
            Some(Token::Formatted) => Err(self.undecidable("the string is computed")),
            Some(Token::Op("(")) => self.parenthesis(depth + 1),
            Some(Token::Op("[")) => self.items("]", depth + 1).map(Value::Array),
            Some(Token::Op("{")) => self.dictionary(depth + 1),
            _ => Err(self.computed()),
        }
    }

    fn signed(&mut self, negative: bool) -> Result<Value, LiteralError> {
        match self.next() {
            Some(Token::Number(text)) => self.number(text, negative),
            _ => Err(self.computed()),
        }
    }

    fn number(&self, text: &str, negative: bool) -> Result<Value, LiteralError> {
        strings::number(text, negative).map_err(|what| self.undecidable(what))
    }

    /// A string with the strings that follow it immediately.
    fn string(&mut self, prefix: &str, body: &str) -> Result<Value, LiteralError> {
        let mut whole = strings::decode(prefix, body).map_err(|what| self.undecidable(what))?;
        while let Some(token) = self.peek() {
            let next = match token {
                Token::Str(prefix, body) => strings::decode(prefix, body),
                Token::Formatted => Err("the string is computed"),
                _ => break,
            };
            let next = next.map_err(|what| self.undecidable(what))?;
            if next.is_bytes != whole.is_bytes {
                return Err(LiteralError::malformed(self.line, "bytes and text stand together"));
            }
            whole.bytes.extend(next.bytes);
            self.next();
        }
        let text = String::from_utf8(whole.bytes);
        text.map(Value::String).map_err(|_| self.undecidable("bytes that are not UTF-8 text"))
    }

    fn parenthesis(&mut self, depth: usize) -> Result<Value, LiteralError> {
        if self.eat(")") {
            return Ok(Value::Array(Vec::new()));
        }
        let first = self.value(depth)?;
        if self.eat(")") {
            return Ok(first);
        }
        if self.peek() != Some(Token::Op(",")) {
            return Err(self.computed());
        }
        let items = self.more(first, depth)?;
        if self.eat(")") { Ok(Value::Array(items)) } else { Err(self.computed()) }
    }

    /// The rest of a tuple whose first item was read.
    fn more(&mut self, first: Value, depth: usize) -> Result<Vec<Value>, LiteralError> {
        let mut items = vec![first];
        while self.eat(",") {
            if matches!(self.peek(), None | Some(Token::Op(")"))) {
                break;
            }
            items.push(self.value(depth)?);
        }
        Ok(items)
    }

    fn items(&mut self, close: &str, depth: usize) -> Result<Vec<Value>, LiteralError> {
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value(depth)?);
            if !self.eat(",") && self.peek() != Some(Token::Op(close)) {
                return Err(self.computed());
            }
        }
        Ok(items)
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value, LiteralError> {
        let mut map = Map::new();
        while !self.eat("}") {
            let Value::String(key) = self.value(depth)? else {
                return Err(self.undecidable("a set, or a dictionary with keys that are no text"));
            };
            if !self.eat(":") {
                return Err(self.undecidable("a set, or a dictionary that is computed"));
            }
            let value = self.value(depth)?;
            if map.insert(key, value).is_some() {
                return Err(self.undecidable("a key stands twice in the dictionary"));
            }
            if !self.eat(",") && self.peek() != Some(Token::Op("}")) {
                return Err(self.computed());
            }
        }
        Ok(Value::Object(map))
    }

    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).map(|(token, _)| *token)
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let (token, line) = self.tokens.get(self.at)?;
        self.at += 1;
        self.line = *line;
        Some(*token)
    }

    fn eat(&mut self, op: &str) -> bool {
        let there = self.peek() == Some(Token::Op(op));
        if there {
            self.next();
        }
        there
    }

    fn computed(&self) -> LiteralError {
        self.undecidable("the value is computed, not a literal")
    }

    fn undecidable(&self, what: &str) -> LiteralError {
        LiteralError::undecidable(self.line, what)
    }
}
