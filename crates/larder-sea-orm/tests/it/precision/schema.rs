//! Random schemas: tables, keys of every sort, columns, references, triggers.

use sea_orm::DbBackend;

use super::dice::Dice;
use super::views::{View, view};

/// The names of tables, and of the columns that refer to them.
const NAMES: [(&str, &str); 6] = [
    ("note", "note_id"),
    ("tag", "tag_id"),
    ("order", "order_id"),
    ("Mixed", "MixedId"),
    ("door", "door_id"),
    ("word", "word_id"),
];

/// A reference the database is not told of.
const UNCHECKED: &str = "unchecked";

/// How values of a column compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Bool,
    Text,
    Bytes,
    Uuid,
}

/// A column.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a column"
)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Its type, as the database is told.
    pub(super) declared: &'static str,
    /// Different values may be equal: its collation ignores case, accents or spaces.
    pub(super) folding: bool,
    pub(super) nullable: bool,
    pub(super) unique: bool,
    /// The database makes it of other columns.
    pub(super) generated: bool,
    pub(super) default: bool,
    /// The table its values are keys of, and what happens when one goes or changes.
    pub(super) refers: Option<(usize, &'static str)>,
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: Vec<Column>,
    /// The places of the columns of its primary key.
    pub(super) key: Vec<usize>,
    /// The database makes keys that are not given.
    pub(super) auto: bool,
}

/// Tables of one database.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    pub(super) backend: DbBackend,
    /// Made as most services make them: keys everywhere, no code in the database.
    pub(super) plain: bool,
    /// With code in the database, views and whatever else the databases take.
    pub(super) wild: bool,
    pub(super) tables: Vec<Table>,
    pub(super) view: Option<View>,
    /// What makes them.
    pub(super) script: Vec<String>,
}

impl Schema {
    /// Invents tables.
    pub(super) fn random(dice: &mut Dice, backend: DbBackend) -> Self {
        let names = dice.some(&NAMES, 6);
        let first = dice.below(names.len());
        let (plain, wild) =
            dice.weighed(&[(2, (true, false)), (3, (false, false)), (3, (false, true))]);
        let mut maker = Maker {
            plain,
            wild,
            collation: dice.below(MYSQL_TEXTS.len()),
            dice,
            backend,
            tables: Vec::new(),
        };
        let tables = maker.dice.weighed(&[(45, 2), (40, 3), (15, 4)]);
        for number in 0..tables {
            let name = names[(first + number) % names.len()].0;
            let table = maker.table(name);
            maker.tables.push(table);
        }
        let mut script: Vec<String> = maker
            .tables
            .iter()
            .map(|table| create(table, &maker.tables, backend))
            .collect();
        let mut seen = None;
        if wild {
            script.extend(maker.trigger());
            seen = view(maker.dice, &maker.tables, backend);
        }
        let (view, made) = seen.unzip();
        script.extend(made);
        Self {
            backend,
            plain,
            wild,
            tables: maker.tables,
            view,
            script,
        }
    }

    /// A name in the quotes of the database.
    pub(super) fn quoted(&self, name: &str) -> String {
        quoted(name, self.backend)
    }
}

impl Table {
    /// The columns a statement may give values for.
    pub(super) fn given(&self) -> Vec<usize> {
        let own = |at: &usize| !self.columns[*at].generated;
        (0..self.columns.len()).filter(own).collect()
    }

    /// The columns beside the key a statement may give values for.
    pub(super) fn rest(&self) -> Vec<usize> {
        let mut given = self.given();
        given.retain(|at| !self.key.contains(at));
        given
    }

    /// Tells whether the key names one row, whatever the collation.
    pub(super) fn has_total_key(&self) -> bool {
        !self.key.is_empty() && self.key.iter().all(|at| !self.columns[*at].nullable)
    }
}

/// How `MySQL` may declare text, and whether that folds.
const MYSQL_TEXTS: [(&str, bool); 4] = [
    (
        "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        true,
    ),
    (
        "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        true,
    ),
    (
        "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        true,
    ),
    (
        "char(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        false,
    ),
];

struct Maker<'d> {
    dice: &'d mut Dice,
    plain: bool,
    wild: bool,
    /// Which of `MYSQL_TEXTS` most text is.
    collation: usize,
    backend: DbBackend,
    tables: Vec<Table>,
}

impl Maker<'_> {
    fn table(&mut self, name: &'static str) -> Table {
        let mut table = Table {
            name,
            columns: Vec::new(),
            key: Vec::new(),
            auto: false,
        };
        self.key(&mut table);
        for parent in 0..self.tables.len() {
            if self.tables[parent].key.len() == 1 && !self.dice.one_in(3) {
                let column = self.reference(parent);
                table.columns.push(column);
            }
        }
        let names = self
            .dice
            .some(&["n", "title", "flag", "code", "m", "raw"], 2);
        for name in names.into_iter().take(4) {
            let column = self.column(name);
            table.columns.push(column);
        }
        if self.wild
            && self.dice.one_in(10)
            && table.columns.iter().any(|column| column.name == "n")
        {
            table.columns.push(Column {
                generated: true,
                ..self.plain("made", Kind::Int)
            });
        }
        if self.dice.one_in(6) && table.key.len() < 2 {
            table.columns.rotate_left(1);
            let last = table.columns.len() - 1;
            table.key.iter_mut().for_each(|at| *at = last);
        }
        table
    }

    fn key(&mut self, table: &mut Table) {
        let kinds: &[Kind] = match self.dice.below(if self.plain { 9 } else { 16 }) {
            0..=6 => {
                table.auto = true;
                &[Kind::Int]
            }
            7 | 8 => &[Kind::Int],
            9 | 10 => &[Kind::Text],
            11 => &[Kind::Int, Kind::Int],
            12 => &[Kind::Text, Kind::Int],
            13 => self.dice.pick(&[&[Kind::Bytes], &[Kind::Uuid]]),
            _ => &[],
        };
        let names: &[&str] = if kinds.len() == 2 {
            &["a", "b"]
        } else {
            &["id"]
        };
        for (name, kind) in names.iter().zip(kinds) {
            // SQLite alone lets NULL into a key, and there not into an INTEGER one.
            let loose =
                self.backend == DbBackend::Sqlite && (*kind != Kind::Int || kinds.len() > 1);
            table.key.push(table.columns.len());
            table.columns.push(Column {
                nullable: loose && self.dice.coin(),
                ..self.plain(name, *kind)
            });
        }
    }

    fn reference(&mut self, parent: usize) -> Column {
        let table = &self.tables[parent];
        let of = table.columns[table.key[0]];
        let names = NAMES.iter().find(|(name, _)| *name == table.name);
        let actions: &[&str] = &[
            "",
            "",
            "",
            "ON DELETE CASCADE",
            "ON DELETE CASCADE",
            "ON DELETE SET NULL",
            "ON DELETE CASCADE ON UPDATE CASCADE",
            "ON UPDATE CASCADE",
            "ON DELETE SET NULL ON UPDATE SET NULL",
        ];
        let plain = &[UNCHECKED, UNCHECKED, "", "ON DELETE CASCADE"][..];
        let actions = self.dice.pick(if self.plain { plain } else { actions });
        Column {
            name: names.expect("it has a name").1,
            nullable: true,
            unique: !self.plain && self.dice.one_in(8),
            refers: Some((parent, actions)),
            ..of
        }
    }

    fn column(&mut self, name: &'static str) -> Column {
        let kind = match name {
            "title" | "code" => Kind::Text,
            "flag" => Kind::Bool,
            "raw" => Kind::Bytes,
            _ => Kind::Int,
        };
        Column {
            nullable: !self.dice.one_in(4),
            unique: !self.plain && (name == "code" && self.dice.one_in(3) || self.dice.one_in(20)),
            default: matches!(kind, Kind::Int | Kind::Text) && self.dice.one_in(4),
            ..self.plain(name, kind)
        }
    }

    fn plain(&mut self, name: &'static str, kind: Kind) -> Column {
        let (declared, folding) = self.declared(kind);
        Column {
            name,
            kind,
            declared,
            folding,
            nullable: false,
            unique: false,
            generated: false,
            default: false,
            refers: None,
        }
    }

    fn declared(&mut self, kind: Kind) -> (&'static str, bool) {
        let types: &[(&str, bool)] = match (kind, self.backend) {
            (Kind::Text, DbBackend::Sqlite) => &[
                ("TEXT", false),
                ("TEXT COLLATE NOCASE", true),
                ("VARCHAR(20) COLLATE RTRIM", true),
            ],
            (Kind::Text, DbBackend::Postgres) => {
                &[("text", false), ("varchar(20)", false), ("char(6)", false)]
            }
            // Columns of different collations cannot be compared there.
            (Kind::Text, _) if !self.dice.one_in(12) => {
                &MYSQL_TEXTS[self.collation..=self.collation]
            }
            (Kind::Text, _) => &MYSQL_TEXTS,
            (Kind::Bool, _) => &[("BOOLEAN", false)],
            (Kind::Bytes | Kind::Uuid, DbBackend::Sqlite) => &[("BLOB", false)],
            (Kind::Bytes, DbBackend::Postgres) => &[("bytea", false)],
            (Kind::Bytes, _) => &[("varbinary(20)", false)],
            (Kind::Uuid, DbBackend::Postgres) => &[("uuid", false)],
            (Kind::Uuid, _) => &[("binary(16)", false)],
            (Kind::Int, _) => &[("INTEGER", false), ("BIGINT", false), ("SMALLINT", false)],
        };
        self.dice.pick(types)
    }

    /// Sometimes a write of one table is a write of another as well.
    fn trigger(&mut self) -> Option<String> {
        if !self.dice.one_in(12) {
            return None;
        }
        let of = self.dice.pick(&[0, 1]);
        let event = self.dice.pick(&["INSERT", "UPDATE", "DELETE"]);
        let other = &self.tables[1 - of];
        let at = other.columns.iter().find(|column| column.name == "n")?;
        let name = |name: &str| quoted(name, self.backend);
        let set = format!("UPDATE {} SET {} = 3", name(other.name), name(at.name));
        let on = name(self.tables[of].name);
        Some(match self.backend {
            DbBackend::Sqlite => {
                format!("CREATE TRIGGER spill AFTER {event} ON {on} BEGIN {set}; END")
            }
            DbBackend::Postgres => format!(
                "CREATE OR REPLACE FUNCTION spill() RETURNS trigger LANGUAGE plpgsql \
                 AS $$ BEGIN {set}; RETURN NULL; END $$;
                 CREATE TRIGGER spill AFTER {event} ON {on} FOR EACH ROW EXECUTE FUNCTION spill()"
            ),
            _ => format!("CREATE TRIGGER spill AFTER {event} ON {on} FOR EACH ROW {set}"),
        })
    }
}

/// A name in the quotes of a database.
pub(super) fn quoted(name: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::MySql => format!("`{name}`"),
        _ => format!("\"{name}\""),
    }
}

fn create(table: &Table, tables: &[Table], backend: DbBackend) -> String {
    let name = |name: &str| quoted(name, backend);
    let mut parts: Vec<String> = (0..table.columns.len())
        .map(|at| definition(table, at, backend))
        .collect();
    // SQLite makes keys by itself only where they are declared with the column.
    if !(table.key.is_empty() || table.auto && backend == DbBackend::Sqlite) {
        let key = table.key.iter().map(|at| name(table.columns[*at].name));
        let key = key.collect::<Vec<_>>().join(", ");
        parts.push(format!("PRIMARY KEY ({key})"));
    }
    for column in &table.columns {
        if let Some((parent, actions)) = column.refers.filter(|(_, it)| *it != UNCHECKED) {
            let parent = &tables[parent];
            parts.push(format!(
                "FOREIGN KEY ({}) REFERENCES {} ({}) {actions}",
                name(column.name),
                name(parent.name),
                name(parent.columns[parent.key[0]].name),
            ));
        }
    }
    format!("CREATE TABLE {} ({})", name(table.name), parts.join(", "))
}

fn definition(table: &Table, at: usize, backend: DbBackend) -> String {
    let column = &table.columns[at];
    let name = quoted(column.name, backend);
    if table.auto && table.key == [at] {
        return match backend {
            DbBackend::Sqlite => format!("{name} INTEGER PRIMARY KEY"),
            DbBackend::Postgres => format!(
                "{name} {} GENERATED BY DEFAULT AS IDENTITY",
                column.declared
            ),
            _ => format!("{name} {} AUTO_INCREMENT", column.declared),
        };
    }
    let mut text = format!("{name} {}", column.declared);
    if column.generated {
        let of = quoted("n", backend);
        return format!("{text} GENERATED ALWAYS AS ({of} + 1) STORED");
    }
    if column.default {
        text += if column.kind == Kind::Text {
            " DEFAULT 'a'"
        } else {
            " DEFAULT 1"
        };
    }
    if !column.nullable {
        text += " NOT NULL";
    }
    if column.unique {
        text += " UNIQUE";
    }
    text
}
