//! Markdown tables: printed, and put between markers in a file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hookfill::clock::{Clock, SystemClock};

use crate::command::Options;

/// One measurement's result.
#[derive(Debug, Clone)]
pub struct Table {
    name: &'static str,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    /// A table with its column names.
    #[must_use]
    pub fn new(name: &'static str, columns: &[&str]) -> Self {
        let rule = vec!["---".to_owned(); columns.len()];
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { name, rows: vec![columns, rule], notes: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Adds a sentence below the table.
    pub fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    fn markdown(&self, circumstances: &str) -> String {
        let rows: String = self.rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
        let notes: String = self.notes.iter().map(|note| format!("{note}\n")).collect();
        format!("{rows}\n{notes}{circumstances}\n")
    }
}

/// Where tables go.
#[derive(Debug)]
pub struct Report {
    file: Option<PathBuf>,
    circumstances: String,
}

impl Report {
    /// Looks at the machine, and at the file before hours are spent on its tables.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn begin(file: Option<PathBuf>, options: &Options) -> Result<Self> {
        if let Some(path) = &file {
            std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        }
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let date = SystemClock.now().to_string();
        let measured = match &options.binary {
            Some(_) => "the release binary",
            None => "the service linked into `hookfill-bench`",
        };
        let circumstances = format!(
            "Measured {} on {}: {measured}, `hookfill-bench {}`.",
            date.split('T').next().unwrap_or_default(),
            machine(),
            arguments.join(" "),
        );
        Ok(Self { file, circumstances })
    }

    /// Prints a table and puts it in its place.
    ///
    /// # Errors
    /// If the file has no place for it.
    pub fn add(&self, table: &Table) -> Result<()> {
        let markdown = table.markdown(&self.circumstances);
        println!("## {}\n\n{markdown}", table.name);
        self.file.as_deref().map_or(Ok(()), |path| put(path, table.name, &markdown))
    }
}

fn put(path: &Path, name: &str, markdown: &str) -> Result<()> {
    let text = std::fs::read_to_string(path)?;
    let replaced = replace(&text, name, markdown);
    let replaced = replaced.with_context(|| format!("{} has no markers for bench:{name}", path.display()))?;
    Ok(std::fs::write(path, replaced)?)
}

/// The text with what stands between a name's markers replaced.
fn replace(text: &str, name: &str, markdown: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- bench:{name} -->"), format!("<!-- /bench:{name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{markdown}{end}{after}"))
}

/// The machine in a few words.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unnamed processor", |(_, model)| model);
    let memory = read("/proc/meminfo");
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let memory = memory.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0 / 1024.0;
    let kernel = read("/proc/sys/kernel/osrelease");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} × {model}, {memory:.0} GiB, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let text = "a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb\n";
        let new = "a\n<!-- bench:x -->\nnew\n<!-- /bench:x -->\nb\n";
        assert_eq!(replace(text, "x", "new\n").as_deref(), Some(new));
        assert_eq!(replace(new, "x", "new\n").as_deref(), Some(new));
        assert_eq!(replace(text, "y", "new\n"), None);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("x", &["what", "how much"]);
        table.row(["a", "1"]);
        table.note("So it is.");
        let expected = "| what | how much |\n| --- | --- |\n| a | 1 |\n\nSo it is.\nToday.\n";
        assert_eq!(table.markdown("Today."), expected);
    }
}
