//! Tables that fit the terminal.

use crate::output::{Screen, Style};
use crate::text::{columns, fit};

/// Between two columns.
const GAP: usize = 2;

/// Even a narrow terminal shows this much of a cell that is cut.
const CUT_COLUMNS_MIN: usize = 10;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    can_be_cut: bool,
}

/// A column with this title.
pub(crate) fn column(title: &'static str) -> Column {
    Column { title, right: false, can_be_cut: false }
}

impl Column {
    /// Aligned at the right, as numbers are.
    pub(crate) fn right(self) -> Self {
        Self { right: true, ..self }
    }

    /// Cut where the table does not fit.
    pub(crate) fn can_be_cut(self) -> Self {
        Self { can_be_cut: true, ..self }
    }
}

/// A cell: text without hostile characters, and how it stands out.
pub(crate) type Cell = (Style, String);

/// A cell that does not stand out.
pub(crate) fn plain(text: impl Into<String>) -> Cell {
    (Style::Plain, text.into())
}

/// The table as text, a line for the titles and one for each row.
pub(crate) fn table(screen: Screen, columns_of_table: &[Column], rows: &[Vec<Cell>]) -> String {
    let widths = widths(screen.columns, columns_of_table, rows);
    let titles: Vec<Cell> = columns_of_table.iter().map(|column| (Style::Faint, column.title.to_owned())).collect();
    let mut text = String::new();
    for row in std::iter::once(&titles).chain(rows) {
        let last = row.len().saturating_sub(1);
        for (index, ((style, cell), (column, width))) in
            row.iter().zip(columns_of_table.iter().zip(&widths)).enumerate()
        {
            let cell = fit(cell, *width);
            let blanks = " ".repeat(width - columns(&cell));
            let painted = screen.paint(*style, &cell);
            match (column.right, index == last) {
                (true, _) => text.extend([blanks, painted]),
                (false, false) => text.extend([painted, blanks]),
                (false, true) => text.push_str(&painted),
            }
            if index < last {
                text.push_str(&" ".repeat(GAP));
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

/// As wide as the widest cell; on a terminal those that can be cut share what the others leave.
fn widths(room: Option<usize>, columns_of_table: &[Column], rows: &[Vec<Cell>]) -> Vec<usize> {
    let widest = |index: usize, column: &Column| {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(|(_, text)| columns(text));
        cells.max().unwrap_or(0).max(columns(column.title))
    };
    let mut widths: Vec<usize> =
        columns_of_table.iter().enumerate().map(|(index, column)| widest(index, column)).collect();
    let Some(room) = room else { return widths };
    loop {
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let wide = (0..widths.len())
            .filter(|index| columns_of_table[*index].can_be_cut && widths[*index] > CUT_COLUMNS_MIN)
            .max_by_key(|index| widths[*index]);
        match wide {
            Some(wide) if total > room => {
                widths[wide] = widths[wide].saturating_sub(total - room).max(CUT_COLUMNS_MIN).max(widths[wide] / 2);
            }
            _ => return widths,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: fn() -> [Column; 3] = || [column("ID"), column("TASKS").right(), column("NAME").can_be_cut()];

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec![plain("one"), plain("3/4"), plain("a name that is rather long")],
            vec![plain("two"), plain("1,000"), plain("日本語")],
        ]
    }

    #[test]
    fn where_nobody_looks_nothing_is_cut() {
        let text = table(Screen { columns: None, rows: None, colour: false }, &COLUMNS(), &rows());
        assert_eq!(text, "ID   TASKS  NAME\none    3/4  a name that is rather long\ntwo  1,000  日本語\n");
    }

    #[test]
    fn on_a_terminal_the_long_column_is_cut() {
        let text = table(Screen { columns: Some(24), rows: None, colour: false }, &COLUMNS(), &rows());
        assert_eq!(text, "ID   TASKS  NAME\none    3/4  a name that…\ntwo  1,000  日本語\n");
    }

    #[test]
    fn the_widest_columns_give_way_first() {
        let columns_of_table = [column("A").can_be_cut(), column("B").can_be_cut()];
        let row = vec![plain("x".repeat(100)), plain("y".repeat(12))];
        let text = table(Screen { columns: Some(40), rows: None, colour: false }, &columns_of_table, &[row]);
        let line = text.lines().nth(1).unwrap();
        assert_eq!(columns(line), 40, "{line}");
        assert!(line.ends_with(&"y".repeat(12)), "{line}");
    }
}
