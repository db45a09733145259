//! Values out of small domains, so that things meet, bound as whatever type a caller may have.

use sea_orm::DbBackend;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, Value};

use super::dice::Dice;
use super::schema::{Column, Kind};

/// Strings that collations treat differently: case, accents, spaces, digits, hyphens, ligatures.
const TEXTS: [&str; 20] = [
    "a", "a", "A", "a ", "b", "b", "B", "\u{e9}", "e", "E", "\u{e4}", "-a", "7", "07", "ab", "aB",
    "a-b", "", "\u{df}", "ss",
];
const BYTES: [&[u8]; 9] = [
    b"a",
    b"A",
    b"\x00",
    b"\x00\x01",
    b"7",
    b"",
    b"b",
    b"e",
    b"ab",
];

/// A value as it is told apart from others: its text in a canonical form; `None` is NULL.
pub(super) type Cell = Option<String>;

/// Makes values for columns of one database.
#[derive(Debug)]
pub(super) struct Values<'d> {
    pub(super) dice: &'d mut Dice,
    pub(super) backend: DbBackend,
    /// Every value is of its column's type.
    pub(super) plain: bool,
}

impl Values<'_> {
    /// A value to store in a column.
    pub(super) fn stored(&mut self, column: &Column) -> Value {
        if column.nullable && self.dice.one_in(5) {
            return null(column.kind);
        }
        if !self.plain && self.dice.one_in(12) {
            self.loose(column)
        } else {
            self.plain(column)
        }
    }

    /// A value to compare a column with; never NULL.
    pub(super) fn compared(&mut self, column: &Column) -> Value {
        if !self.plain && self.dice.one_in(6) {
            self.loose(column)
        } else {
            self.plain(column)
        }
    }

    fn plain(&mut self, column: &Column) -> Value {
        match column.kind {
            Kind::Int => self.int(),
            Kind::Bool => self.dice.coin().into(),
            Kind::Text => self.text(),
            Kind::Bytes => self.bytes(),
            Kind::Uuid => Uuid::from_u128(self.dice.below(12) as u128).into(),
        }
    }

    pub(super) fn text(&mut self) -> Value {
        if self.plain {
            return self.dice.pick(&["a", "b", "c", "ab", "d"]).into();
        }
        self.dice.pick(&TEXTS).into()
    }

    pub(super) fn bytes(&mut self) -> Value {
        self.dice.pick(&BYTES).to_vec().into()
    }

    fn int(&mut self) -> Value {
        let small = u8::try_from(self.dice.below(5)).expect("it fits");
        match self.dice.below(5) {
            // Its driver prepares a text once, with the types of the first values: others are refused.
            _ if self.backend == DbBackend::Postgres => i32::from(small).into(),
            0 => i64::from(small).into(),
            1 => i16::from(small).into(),
            2 => small.into(),
            _ => i32::from(small).into(),
        }
    }

    /// A value of another type, where the database lets it meet the column.
    fn loose(&mut self, column: &Column) -> Value {
        if self.backend == DbBackend::Postgres {
            return self.plain(column);
        }
        let digit = self.dice.below(7);
        match column.kind {
            Kind::Int | Kind::Bool => match self.dice.below(5) {
                0 => format!("{digit}").into(),
                1 => format!("0{digit}").into(),
                2 => (digit == 1).into(),
                3 => f64::from(u32::try_from(digit).expect("it fits")).into(),
                _ => i32::from(self.dice.coin()).into(),
            },
            Kind::Text => match self.dice.below(3) {
                0 => 7_i32.into(),
                1 => 0_i32.into(),
                _ => self.bytes(),
            },
            Kind::Bytes => self.dice.pick(&["a", "7", ""]).into(),
            Kind::Uuid => self.plain(column),
        }
    }

    /// A value of a kind, as an expression.
    pub(super) fn of_kind(&mut self, kind: Kind) -> Expr {
        let column = Column {
            name: "",
            kind,
            declared: "",
            folding: false,
            nullable: false,
            unique: false,
            generated: false,
            default: false,
            refers: None,
        };
        self.plain(&column).into()
    }

    /// A pattern for LIKE.
    pub(super) fn pattern(&mut self) -> &'static str {
        self.dice
            .pick(&["a%", "A%", "%b", "_", "%", "a", "%\u{e9}%", "7%"])
    }
}

/// NULL, typed.
pub(super) fn null(kind: Kind) -> Value {
    match kind {
        Kind::Int => Value::Int(None),
        Kind::Bool => Value::Bool(None),
        Kind::Text => Value::String(None),
        Kind::Bytes => Value::Bytes(None),
        Kind::Uuid => Value::Uuid(None),
    }
}

/// The cell a column holds that a value is stored in, as near as can be told.
pub(super) fn cell(value: &Value, column: &Column) -> Cell {
    let text = match value {
        Value::Bool(Some(it)) => i32::from(*it).to_string(),
        Value::TinyInt(Some(it)) => it.to_string(),
        Value::SmallInt(Some(it)) => it.to_string(),
        Value::Int(Some(it)) => it.to_string(),
        Value::BigInt(Some(it)) => it.to_string(),
        Value::TinyUnsigned(Some(it)) => it.to_string(),
        Value::Double(Some(it)) => it.to_string(),
        Value::String(Some(it)) if matches!(column.kind, Kind::Int | Kind::Bool) => {
            it.trim_start_matches('0').to_owned()
        }
        Value::String(Some(it)) if column.kind == Kind::Bytes => hex(it.as_bytes()),
        Value::String(Some(it)) => it.clone(),
        Value::Bytes(Some(it)) => hex(it),
        Value::Uuid(Some(it)) => hex(it.as_bytes()),
        _ => return None,
    };
    Some(text)
}

/// The value of a cell, as a caller who knows the row would give it; `None` for NULL.
pub(super) fn value_of(cell: Option<&str>, kind: Kind, backend: DbBackend) -> Option<Value> {
    let text = cell?;
    let bytes = || -> Vec<u8> {
        let pairs = text.as_bytes().chunks(2);
        let pairs = pairs.filter_map(|pair| std::str::from_utf8(pair).ok());
        pairs
            .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
            .collect()
    };
    Some(match kind {
        // As all its numbers are: `Values::int`.
        Kind::Int if backend == DbBackend::Postgres => {
            text.parse::<i32>().map_or_else(|_| null(kind), Value::from)
        }
        Kind::Int => text.parse::<i64>().map_or_else(|_| null(kind), Value::from),
        Kind::Bool => (text == "1").into(),
        Kind::Text => text.into(),
        Kind::Bytes => bytes().into(),
        Kind::Uuid => Uuid::from_slice(&bytes()).map_or_else(|_| null(kind), Value::from),
    })
}

/// Bytes in upper-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
    let pair = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
    bytes.iter().flat_map(pair).collect()
}

/// What every collation here that ignores anything finds equal has the same folded form.
pub(super) fn folded(text: &str) -> String {
    let lower = text.trim_end().to_lowercase().replace("ss", "s");
    let plain = |letter| match letter {
        '\u{e9}' => 'e',
        '\u{e4}' => 'a',
        '\u{df}' => 's',
        other => other,
    };
    lower.chars().map(plain).collect()
}
