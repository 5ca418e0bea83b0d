//! Which statements of a module bind a name, and how.
//!
//! Functions and classes have names of their own, so only `global` reaches out of them. In doubt a statement binds.

use super::lexer::{Line, Token};
use crate::probe::literal::LiteralError;

type Tokens<'a, 't> = &'a [(Token<'t>, u64)];

/// How a statement binds the name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound<'a, 't> {
    /// A plain assignment that always happens; the tokens are its value.
    Assigned(Tokens<'a, 't>),
    /// In a way that leaves open what its value is, or whether it happens at all.
    Otherwise(&'static str),
    /// It may be gone afterwards.
    Deleted,
}

/// What the lines indented below a header are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// The body of a function or class.
    Scope,
    /// Perhaps executed, perhaps not, perhaps often.
    Branch,
    /// The cases of a `match`.
    Match,
}

type Note<'n> = &'n mut dyn FnMut(u64, Bound<'_, '_>);

/// A module while its lines go by.
#[derive(Debug)]
pub(super) struct Module<'k> {
    key: &'k str,
    /// Open blocks, with the indentation of their headers.
    blocks: Vec<(usize, Block)>,
}

impl<'k> Module<'k> {
    pub(super) fn new(key: &'k str) -> Self {
        Self { key, blocks: Vec::new() }
    }

    /// Takes the next line, and notes what in it binds the name.
    pub(super) fn line(&mut self, line: &Line<'_>, note: Note<'_>) -> Result<(), LiteralError> {
        while self.blocks.last().is_some_and(|(indent, _)| *indent >= line.indent) {
            self.blocks.pop();
        }
        if self.blocks.is_empty() && line.indent > 0 {
            return Err(LiteralError::malformed(line.number, "an indentation below no header"));
        }
        let tokens = line.tokens.as_slice();
        let header = self.header(tokens);
        let end = match header {
            None => 0,
            Some(_) => colon(tokens).map(|at| at + 1).ok_or_else(|| {
                LiteralError::malformed(line.number, "a compound statement without its colon")
            })?,
        };
        let (head, body) = tokens.split_at(end);
        let key = Key(self.key);
        if let Some(at) = key.globals(tokens) {
            note(at, Bound::Otherwise("the name is declared `global`, so functions may assign it"));
        }
        if !self.blocks.iter().any(|(_, block)| *block == Block::Scope) {
            if let Some(bound) = key.in_header(head) {
                note(line.number, bound);
            }
            if header != Some(Block::Scope) {
                let certain = header.is_none() && self.blocks.is_empty();
                key.in_statements(body, certain, note);
            }
        }
        if let Some(block) = header
            && body.is_empty()
        {
            self.blocks.push((line.indent, block));
        }
        Ok(())
    }

    /// What kind of block the line opens, if it is a compound statement.
    fn header(&self, tokens: Tokens<'_, '_>) -> Option<Block> {
        let words: Vec<&str> = tokens.iter().take(2).map(|(token, _)| word(token)).collect();
        let ends_with_colon =
            tokens.len() > 1 && matches!(tokens.last(), Some((Token::Op(":"), _)));
        match words.as_slice() {
            ["def" | "class", ..] | ["async", "def"] => Some(Block::Scope),
            [
                "if" | "elif" | "else" | "for" | "while" | "try" | "except" | "finally" | "with",
                ..,
            ]
            | ["async", "for" | "with"] => Some(Block::Branch),
            ["match", ..] if ends_with_colon => Some(Block::Match),
            ["case", ..] if matches!(self.blocks.last(), Some((_, Block::Match))) => {
                Some(Block::Branch)
            }
            _ => None,
        }
    }
}

/// The name that is looked for.
struct Key<'k>(&'k str);

impl Key<'_> {
    /// Is the token this name, or one that Python may take for it?
    ///
    /// Python folds letters such as `𝐚` and `ａ` into `a`; a name with one of those could be any name.
    fn is(&self, token: &Token<'_>) -> bool {
        matches!(token, Token::Name(name) if *name == self.0 || name.chars().any(folds_to_ascii))
    }

    /// Does the name itself stand in the tokens, not as somebody's attribute?
    fn within(&self, tokens: Tokens<'_, '_>) -> bool {
        (0..tokens.len()).any(|at| self.is(&tokens[at].0) && !is_attribute(tokens, at))
    }

    /// Where a `global` or `nonlocal` names it.
    fn globals(&self, tokens: Tokens<'_, '_>) -> Option<u64> {
        let (mut listing, mut found) = (false, None);
        for (token, line) in tokens {
            match token {
                Token::Name("global") => listing = true,
                Token::Op(",") => {}
                token if listing && self.is(token) => {
                    found.get_or_insert(*line);
                }
                Token::Name(_) => {}
                _ => listing = false,
            }
        }
        found
    }

    /// How the header of a compound statement binds the name.
    fn in_header<'a, 't>(&self, head: Tokens<'a, 't>) -> Option<Bound<'a, 't>> {
        let skip = usize::from(matches!(head.first(), Some((Token::Name("async"), _))));
        let head = head.get(skip..)?;
        let (first, rest) = head.split_first()?;
        match word(&first.0) {
            "def" | "class" if rest.first().is_some_and(|(token, _)| self.is(token)) => {
                return Some(Bound::Otherwise("the name is a function or class"));
            }
            "for" => {
                let end = at_depth_zero(rest, &Token::Name("in")).next().unwrap_or(rest.len());
                if self.is_target(&rest[..end]) {
                    return Some(Bound::Otherwise("the name is the variable of a loop"));
                }
            }
            "with" if self.after_as(rest) => {
                return Some(Bound::Otherwise("the name is bound by `as`"));
            }
            // Python deletes that name at the end of the block.
            "except" if self.after_as(rest) => return Some(Bound::Deleted),
            "case" if self.within(rest) => {
                return Some(Bound::Otherwise("the name stands in a pattern"));
            }
            _ => {}
        }
        self.walrus(head).then_some(Bound::Otherwise("the name is bound by `:=`"))
    }

    /// Notes what in statements between semicolons binds the name.
    fn in_statements(&self, tokens: Tokens<'_, '_>, certain: bool, note: Note<'_>) {
        for statement in tokens.split(|(token, _)| *token == Token::Op(";")) {
            let Some((_, number)) = statement.first() else { continue };
            match self.in_statement(statement) {
                None => {}
                Some(Bound::Assigned(_)) if !certain => {
                    let what = "the name is assigned under a condition or in a loop";
                    note(*number, Bound::Otherwise(what));
                }
                Some(bound) => note(*number, bound),
            }
        }
    }

    /// How a simple statement binds the name.
    fn in_statement<'a, 't>(&self, tokens: Tokens<'a, 't>) -> Option<Bound<'a, 't>> {
        let (first, rest) = tokens.split_first()?;
        match (word(&first.0), rest.first().map(|(token, _)| token)) {
            ("del", _) => return self.within(rest).then_some(Bound::Deleted),
            ("import", _) => {
                return self.imported(rest).then_some(Bound::Otherwise("the name is imported"));
            }
            ("from", _) => return self.imported_from(rest),
            ("type", Some(name @ Token::Name(_))) if self.is(name) => {
                return Some(Bound::Otherwise("the name is a type alias"));
            }
            _ => {}
        }
        if self.walrus(tokens) {
            return Some(Bound::Otherwise("the name is bound by `:=`"));
        }
        self.assigned(tokens)
    }

    fn assigned<'a, 't>(&self, tokens: Tokens<'a, 't>) -> Option<Bound<'a, 't>> {
        let annotation = at_depth_zero(tokens, &Token::Op(":")).next();
        let equals: Vec<usize> = at_depth_zero(tokens, &Token::Op("=")).collect();
        let augmented = tokens.iter().position(|(token, _)| is_augmented(token));
        let otherwise = |tokens| {
            self.is_target(tokens)
                .then_some(Bound::Otherwise("the name is bound by more than a plain assignment"))
        };
        if let Some(at) = augmented {
            return otherwise(&tokens[..at]);
        }
        let last = *equals.last()?;
        let annotated = annotation.filter(|at| Some(at) < equals.first());
        let target = &tokens[..annotated.unwrap_or(equals[0])];
        // An annotation may hold a lambda with defaults, so its value begins at the last sign only if there is one sign.
        if equals.len() == 1
            && let [(Token::Name(name), _)] = target
            && *name == self.0
        {
            return Some(Bound::Assigned(&tokens[last + 1..]));
        }
        otherwise(if annotated.is_some() { target } else { &tokens[..last] })
    }

    /// Does assigning to these tokens bind the name, or change what it holds?
    ///
    /// Inside the brackets of a call or an index it is only read.
    fn is_target(&self, tokens: Tokens<'_, '_>) -> bool {
        let mut open = Vec::new();
        for (at, (token, _)) in tokens.iter().enumerate() {
            match token {
                Token::Op("(" | "[" | "{") => {
                    let before = at.checked_sub(1).map(|before| tokens[before].0);
                    open.push(matches!(
                        before,
                        Some(
                            Token::Name(_)
                                | Token::Str(..)
                                | Token::Formatted
                                | Token::Op(")" | "]" | "}")
                        )
                    ));
                }
                Token::Op(")" | "]" | "}") => {
                    open.pop();
                }
                token if self.is(token) && !is_attribute(tokens, at) && !open.contains(&true) => {
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    fn walrus(&self, tokens: Tokens<'_, '_>) -> bool {
        tokens.windows(2).any(|pair| self.is(&pair[0].0) && pair[1].0 == Token::Op(":="))
    }

    /// Is the name among the targets behind any `as`?
    fn after_as(&self, tokens: Tokens<'_, '_>) -> bool {
        let mut places = tokens.iter().enumerate().filter(|(_, (t, _))| *t == Token::Name("as"));
        places.any(|(at, _)| {
            let rest = &tokens[at + 1..];
            let ends = [Token::Op(","), Token::Op(":")];
            let end = ends.iter().filter_map(|end| at_depth_zero(rest, end).next()).min();
            self.is_target(&rest[..end.unwrap_or(rest.len())])
        })
    }

    /// Is the name bound by what follows `import`?
    fn imported(&self, tokens: Tokens<'_, '_>) -> bool {
        tokens.split(|(token, _)| *token == Token::Op(",")).any(|item| {
            let names =
                item.iter().map(|(token, _)| token).filter(|t| !matches!(t, Token::Op("(" | ")")));
            let names: Vec<&Token<'_>> = names.collect();
            match names.iter().position(|token| **token == Token::Name("as")) {
                Some(at) => names.get(at + 1).is_some_and(|name| self.is(name)),
                None => names.first().is_some_and(|name| self.is(name)),
            }
        })
    }

    fn imported_from<'a, 't>(&self, tokens: Tokens<'a, 't>) -> Option<Bound<'a, 't>> {
        let import = tokens.iter().position(|(token, _)| *token == Token::Name("import"))?;
        let names = &tokens[import + 1..];
        if names.iter().any(|(token, _)| *token == Token::Op("*")) {
            return Some(Bound::Otherwise("`import *` may bind any name"));
        }
        self.imported(names).then_some(Bound::Otherwise("the name is imported"))
    }
}

/// Where a token stands outside of all brackets, and belongs to no `lambda`.
fn at_depth_zero<'a, 't>(
    tokens: Tokens<'a, 't>,
    wanted: &'a Token<'t>,
) -> impl Iterator<Item = usize> + use<'a, 't> {
    let (mut depth, mut lambdas) = (0_usize, 0_usize);
    tokens.iter().enumerate().filter_map(move |(at, (token, _))| {
        let outside = depth == 0 && lambdas == 0;
        match token {
            Token::Op("(" | "[" | "{") => depth += 1,
            Token::Op(")" | "]" | "}") => depth = depth.saturating_sub(1),
            Token::Name("lambda") if depth == 0 => lambdas += 1,
            Token::Op(":") if depth == 0 => lambdas = lambdas.saturating_sub(1),
            _ => {}
        }
        (outside && token == wanted).then_some(at)
    })
}

/// The colon that ends the header of a compound statement.
fn colon(tokens: Tokens<'_, '_>) -> Option<usize> {
    at_depth_zero(tokens, &Token::Op(":")).next()
}

fn word<'t>(token: &Token<'t>) -> &'t str {
    match token {
        Token::Name(name) => name,
        _ => "",
    }
}

fn is_attribute(tokens: Tokens<'_, '_>, at: usize) -> bool {
    at > 0 && tokens[at - 1].0 == Token::Op(".")
}

fn is_augmented(token: &Token<'_>) -> bool {
    matches!(token, Token::Op(op) if op.len() > 1 && op.ends_with('=') && !matches!(*op, "==" | "!=" | "<=" | ">=" | ":="))
}

/// Letters beyond ASCII that Unicode's compatibility folding (NFKC) turns into ASCII; a few more than those.
fn folds_to_ascii(c: char) -> bool {
    matches!(c,
        '\u{aa}' | '\u{ba}' | '\u{132}'..='\u{133}' | '\u{17f}' | '\u{1c7}'..='\u{1cc}' | '\u{1f1}'..='\u{1f3}'
        | '\u{2b0}'..='\u{2e3}' | '\u{1d2c}'..='\u{1dbf}' | '\u{2070}'..='\u{209c}' | '\u{2100}'..='\u{217f}'
        | '\u{2c7c}'..='\u{2c7d}' | '\u{a7f2}'..='\u{a7f4}' | '\u{fb00}'..='\u{fb06}' | '\u{fe33}'..='\u{fe34}'
        | '\u{fe4d}'..='\u{fe4f}' | '\u{ff10}'..='\u{ff5a}' | '\u{107a5}' | '\u{1d400}'..='\u{1d7ff}'
        | '\u{1fbf0}'..='\u{1fbf9}')
}
