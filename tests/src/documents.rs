//! The commands that a document shows, for the suite that runs them.

/// A command of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// As it stands, continued lines joined.
    pub text: String,
    /// Why no test runs it, if its block is marked so.
    pub not_run: Option<String>,
}

/// What a command begins with; other indented lines are output, trees or code.
const PROGRAMS: [&str; 10] = ["yolo", "cargo", "cc", "cd", "sh", "cp", "rm", "sed", "python", ".ci/run"];

/// A block that no test runs stands behind this comment, with its reason.
const MARK: &str = "<!-- not run:";

/// The commands in the indented and the fenced blocks of a Markdown text, in its order.
pub fn commands(markdown: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    // A mark reaches from the comment to the end of the next block.
    let (mut reason, mut inside, mut fenced, mut open) = (None, false, false, false);
    for line in markdown.lines() {
        if let Some(mark) = line.trim_start().strip_prefix(MARK) {
            (reason, inside) = (Some(mark.trim_end_matches("-->").trim().to_string()), false);
            continue;
        }
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let Some(code) = line.strip_prefix("    ").or(fenced.then_some(line)) else {
            (open, reason) = (false, reason.filter(|_| !inside));
            continue;
        };
        inside = !line.trim_start().starts_with("```");
        let code = code.split(" #").next().unwrap_or_default().trim();
        match (open, found.last_mut()) {
            (true, Some(command)) => command.text += &format!(" {}", code.trim_end_matches('\\').trim()),
            _ if is_command(code) => {
                found.push(Shown { text: code.trim_end_matches('\\').trim().into(), not_run: reason.clone() })
            }
            _ => continue,
        }
        open = code.ends_with('\\');
    }
    found
}

/// Whether its first word, behind variables that are set for it, is a program; a drawing with arrows is none.
fn is_command(code: &str) -> bool {
    if code.contains(['▶', '│']) {
        return false;
    }
    let is_variable = |word: &&str| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let first = code.split_whitespace().find(|word| !is_variable(word));
    first.is_some_and(|word| PROGRAMS.contains(&word))
}
