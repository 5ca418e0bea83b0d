//! Markdown pages for a terminal: paragraphs filled to one width, lists and tables indented. Knows no more of Markdown
//! than the pages of this program use.

/// The width of a page.
const WIDTH: usize = 100;

/// Lays a page out.
pub(super) fn lay_out(markdown: &str) -> String {
    let blocks = markdown.trim().split("\n\n").map(|block| {
        let lines: Vec<&str> = block.lines().collect();
        match lines.first() {
            Some(first) if first.starts_with("- ") => list(&lines),
            Some(first) if first.starts_with('|') => table(&lines),
            _ => fill(block, ""),
        }
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// Breaks text into lines of at most [`WIDTH`] characters, each after `indent`.
pub(super) fn fill(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    let width = |text: &str| text.chars().count();
    for word in text.split_whitespace() {
        let fits = |line: &&mut String| width(indent) + width(line) + width(word) < WIDTH;
        match lines.last_mut().filter(fits) {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")
}

/// A name, and beside it text that keeps its indent.
pub(super) fn beside(name: &str, width: usize, text: &str) -> String {
    let body = fill(text, &" ".repeat(width + 4));
    format!("  {name:width$}  {}", body.trim_start())
}

fn list(lines: &[&str]) -> String {
    let mut items: Vec<String> = Vec::new();
    for line in lines {
        match (line.strip_prefix("- "), items.last_mut()) {
            (None, Some(item)) => {
                item.push(' ');
                item.push_str(line.trim());
            }
            (item, _) => items.push(item.unwrap_or(line).to_owned()),
        }
    }
    let items = items.iter().map(|item| format!("- {}", fill(item, "  ").trim_start()));
    items.collect::<Vec<_>>().join("\n")
}

/// Each row as its first cell, with the others one below the other beside it: three columns of prose do not fit.
fn table(lines: &[&str]) -> String {
    let rows = lines.iter().map(|line| line.trim_matches('|').split('|').map(str::trim));
    let rows: Vec<Vec<&str>> =
        rows.map(Iterator::collect).filter(|row: &Vec<&str>| !is_rule(row)).collect();
    let width = rows.iter().filter_map(|row| row.first()).map(|cell| cell.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut shown = Vec::new();
    for row in &rows {
        for (at, cell) in row.iter().enumerate().skip(1) {
            let name = row.first().filter(|_| at == 1).copied().unwrap_or_default();
            shown.push(beside(name, width, cell));
        }
    }
    shown.join("\n")
}

fn is_rule(row: &[&str]) -> bool {
    row.iter().all(|cell| !cell.is_empty() && cell.chars().all(|c| c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_keeps_the_width_and_every_word() {
        let words = |text: &str| {
            text.split(|c: char| c.is_whitespace() || c == '|')
                .filter(|word| !word.is_empty() && !word.chars().all(|c| c == '-'))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        for kind in crate::kinds::KINDS {
            let page = lay_out(kind.doc());
            assert_eq!(words(&page), words(kind.doc()), "{}", kind.name());
            let widest = page.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(WIDTH), "{}: {widest:?}", kind.name());
        }
    }

    #[test]
    fn blocks_are_told_apart() {
        let page =
            lay_out("One\ntwo.\n\n- a\n  b\n- c\n\n| x | y | z |\n|---|---|---|\n| 1 | 2 | 3 |\n");
        assert_eq!(page, "One two.\n\n- a b\n- c\n\n  x  y\n     z\n  1  2\n     3");
    }
}
