//! Python text as logical lines of tokens, as Python's own tokenizer divides it.
//!
//! Brackets and backslashes join lines, strings keep what looks like code inside them, comments vanish. Text that
//! different versions of Python divide differently is not divided at all: it is an error.

use super::strings;
use crate::probe::literal::LiteralError;

/// Python's own limit for open brackets.
const BRACKETS_MAX: usize = 200;
/// Bounds the memory for one logical line.
const TOKENS_MAX: usize = 1_000_000;

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A name or a keyword.
    Name(&'t str),
    /// A number of any form.
    Number(&'t str),
    /// A string with the letters in front of it, its body not yet decoded.
    Str(&'t str, &'t str),
    /// A string that computes: its value is not in the text.
    Formatted,
    /// Anything else.
    Op(&'t str),
}

/// A logical line.
#[derive(Debug, Default)]
pub(super) struct Line<'t> {
    /// Its indentation, with tabs to every eighth column.
    pub(super) indent: usize,
    /// Where it begins, from 1.
    pub(super) number: u64,
    /// Never empty.
    pub(super) tokens: Vec<(Token<'t>, u64)>,
}

/// Reads logical lines one after the other. The text has `\n` line ends only.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: u64,
    open: Vec<u8>,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1, open: Vec::new() }
    }

    /// The next logical line that has tokens.
    pub(super) fn next_line(&mut self) -> Result<Option<Line<'t>>, LiteralError> {
        loop {
            if self.rest().is_empty() {
                return Ok(None);
            }
            let mut line = Line { indent: self.indent()?, number: self.line, tokens: Vec::new() };
            self.fill(&mut line)?;
            if !line.tokens.is_empty() {
                return Ok(Some(line));
            }
        }
    }

    fn indent(&mut self) -> Result<usize, LiteralError> {
        let (mut column, mut seen) = (0_usize, [false; 2]);
        for byte in self.rest().bytes() {
            match byte {
                b' ' => column += 1,
                b'\t' => column = (column / 8 + 1) * 8,
                b'\x0c' => column = 0,
                b'\\' => return Err(self.undecidable("a backslash joins a line's indentation")),
                b'#' | b'\n' => return Ok(column),
                _ if seen == [true; 2] => {
                    return Err(self.undecidable("the indentation mixes tabs and blanks"));
                }
                _ => return Ok(column),
            }
            seen[usize::from(byte == b'\t')] |= byte != b'\x0c';
            self.at += 1;
        }
        Ok(column)
    }

    /// Reads tokens to the end of the logical line.
    fn fill(&mut self, line: &mut Line<'t>) -> Result<(), LiteralError> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\x0c' => self.at += 1,
                b'#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if self.open.is_empty() {
                        return Ok(());
                    }
                }
                b'\\' => self.join()?,
                _ => {
                    let number = self.line;
                    let token = self.token()?;
                    line.tokens.push((token, number));
                    if line.tokens.len() > TOKENS_MAX {
                        let what = format!("a statement of more than {TOKENS_MAX} tokens");
                        return Err(LiteralError::undecidable(line.number, what));
                    }
                }
            }
        }
        if self.open.is_empty() { Ok(()) } else { Err(self.malformed("a bracket is never closed")) }
    }

    fn join(&mut self) -> Result<(), LiteralError> {
        if !self.rest().starts_with("\\\n") {
            return Err(self.malformed("a backslash that joins no lines"));
        }
        self.at += 2;
        self.line += 1;
        Ok(())
    }

    fn token(&mut self) -> Result<Token<'t>, LiteralError> {
        let rest = self.rest();
        let mut bytes = rest.bytes();
        match (bytes.next(), bytes.next()) {
            (Some(b'0'..=b'9'), _) | (Some(b'.'), Some(b'0'..=b'9')) => self.number(),
            (Some(b'"' | b'\''), _) => self.string(""),
            (Some(c), _) if is_name(c) => {
                let end = rest.bytes().position(|c| !is_name(c)).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                self.at += end;
                if after.starts_with(['"', '\'']) && strings::is_prefix(name) {
                    return self.string(name);
                }
                Ok(Token::Name(name))
            }
            _ => self.operator(),
        }
    }

    fn number(&mut self) -> Result<Token<'t>, LiteralError> {
        let rest = self.rest();
        let hex = rest.starts_with("0x") || rest.starts_with("0X");
        let mut end = 0;
        for (at, byte) in rest.bytes().enumerate() {
            let signs =
                !hex && matches!(rest.as_bytes().get(at.wrapping_sub(1)), Some(b'e' | b'E'));
            if !(is_name(byte) || byte == b'.' || (signs && matches!(byte, b'+' | b'-'))) {
                break;
            }
            end = at + 1;
        }
        let text = &rest[..end];
        if !strings::is_number(text) {
            return Err(self.undecidable("a number that is not apart from what follows it"));
        }
        self.at += end;
        Ok(Token::Number(text))
    }

    fn string(&mut self, prefix: &'t str) -> Result<Token<'t>, LiteralError> {
        let rest = self.rest();
        let quote = match rest.get(..3) {
            Some(triple @ ("\"\"\"" | "'''")) => triple,
            _ => &rest[..1],
        };
        let body = &rest[quote.len()..];
        let end =
            strings::end(body, quote).ok_or_else(|| self.malformed("a string without an end"))?;
        let body = &body[..end];
        let formatted = prefix.contains(['f', 'F', 't', 'T']);
        if formatted && !strings::is_plainly_divided(body, quote) {
            return Err(self.undecidable("versions of Python disagree where this f-string ends"));
        }
        self.at += end + 2 * quote.len();
        let newlines = body.bytes().filter(|c| *c == b'\n').count();
        self.line = self.line.saturating_add(u64::try_from(newlines).unwrap_or(u64::MAX));
        Ok(if formatted { Token::Formatted } else { Token::Str(prefix, body) })
    }

    fn operator(&mut self) -> Result<Token<'t>, LiteralError> {
        const LONG: &[&str] = &[
            "**=", "//=", ">>=", "<<=", "...", "==", "!=", "<=", ">=", "->", ":=", "+=", "-=",
            "*=", "/=", "%=", "&=", "|=", "^=", "@=", "**", "//", "<<", ">>",
        ];
        let rest = self.rest();
        let long = LONG.iter().find(|op| rest.starts_with(**op)).map_or(1, |op| op.len());
        let Some(op) =
            rest.get(..long).filter(|op| long > 1 || "()[]{},:.;@=+-*/|&<>%^~".contains(op))
        else {
            return Err(self.malformed("a character that Python does not know"));
        };
        match op.as_bytes() {
            [open @ (b'(' | b'[' | b'{')] => self.open(*open)?,
            [close @ (b')' | b']' | b'}')] => self.close(*close)?,
            _ => {}
        }
        self.at += long;
        Ok(Token::Op(op))
    }

    fn open(&mut self, bracket: u8) -> Result<(), LiteralError> {
        self.open.push(bracket);
        if self.open.len() > BRACKETS_MAX {
            let what = format!("more than {BRACKETS_MAX} open brackets");
            return Err(LiteralError::undecidable(self.line, what));
        }
        Ok(())
    }

    fn close(&mut self, bracket: u8) -> Result<(), LiteralError> {
        match (self.open.pop(), bracket) {
            (Some(b'('), b')') | (Some(b'['), b']') | (Some(b'{'), b'}') => Ok(()),
            _ => Err(self.malformed("a closing bracket that fits no open one")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn malformed(&self, what: &str) -> LiteralError {
        LiteralError::malformed(self.line, what)
    }

    fn undecidable(&self, what: &str) -> LiteralError {
        LiteralError::undecidable(self.line, what)
    }
}

/// May the byte stand in a name? Python allows many letters beyond ASCII; here all of them pass.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}
