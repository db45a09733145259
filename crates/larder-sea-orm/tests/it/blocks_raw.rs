//! How raw SQL is taken apart into blocks, in the dialect of each database.

use larder_sea_orm::analysis::{
    Analysis, Block, BlockAtom, ColumnOf, Join, Mention, Name, Place, Role, Source, analyse_raw,
};
use sea_orm::DatabaseBackend::{MySql, Postgres, Sqlite};
use sea_orm::DbBackend;
use sea_orm::sea_query::{Value, Values};

const ALL: [DbBackend; 3] = [Sqlite, Postgres, MySql];

fn blocks(sql: &str, backend: DbBackend) -> Vec<String> {
    bound(sql, &[], backend)
}

fn bound(sql: &str, values: &[Value], backend: DbBackend) -> Vec<String> {
    show(&analyse_raw(sql, Some(&Values(values.to_vec())), backend))
}

/// Writes each block on a line: what it is, its sources, columns, names and equalities.
pub(crate) fn show(analysis: &Analysis) -> Vec<String> {
    analysis.blocks.iter().map(block).collect()
}

fn block(block: &Block) -> String {
    let mut line = Vec::new();
    line.extend(block.outer.map(|outer| format!("in {outer}")));
    for (is, word) in [
        (block.rows_told, "told"),
        (block.limited, "limited"),
        (block.opaque, "opaque"),
    ] {
        line.extend(is.then(|| word.to_owned()));
    }
    let sources: Vec<String> = block.sources.iter().map(source).collect();
    line.push(format!("from({})", sources.join(", ")));
    let mut mentions: Vec<String> = block.mentions.iter().map(mention).collect();
    mentions.sort();
    line.extend(mentions);
    line.extend(
        block
            .aliases
            .iter()
            .map(|alias| format!("as {}", alias.text())),
    );
    line.extend(block.atoms.iter().map(atom));
    line.extend(block.links.iter().map(|link| {
        format!(
            "{}={}@{}",
            column(&link.left),
            column(&link.right),
            place(link.place)
        )
    }));
    line.join(" ")
}

fn source(source: &Source) -> String {
    let join = match source.join {
        Join::Inner => "",
        Join::Left => "left ",
        Join::Other => "other ",
    };
    let relation = source.relation.as_ref().map(ToString::to_string);
    let alias = source
        .alias
        .as_ref()
        .map(|alias| format!(":{}", alias.text()));
    format!(
        "{join}{}{}",
        relation.unwrap_or_else(|| "?".into()),
        alias.unwrap_or_default()
    )
}

fn mention(mention: &Mention) -> String {
    let role = match mention.role {
        Role::Output(place) => place.to_string(),
        Role::Selected => "s".into(),
        Role::Where => "w".into(),
        Role::On(source) => format!("on{source}"),
        Role::Order => "o".into(),
    };
    let column = mention.column.as_ref().map_or("*", Name::text);
    format!("{}{column}/{role}", qualifier(mention.qualifier.as_ref()))
}

fn atom(atom: &BlockAtom) -> String {
    let columns: Vec<String> = atom.columns.iter().map(column).collect();
    let values: Vec<String> = atom.values.iter().map(ToString::to_string).collect();
    let is = if atom.is_null { " is " } else { "=" };
    format!(
        "{}{is}{}@{}",
        columns.join(","),
        values.join("|"),
        place(atom.place)
    )
}

fn column(column: &ColumnOf) -> String {
    format!(
        "{}{}",
        qualifier(column.qualifier.as_ref()),
        column.name.text()
    )
}

fn qualifier(name: Option<&Name>) -> String {
    name.map(|name| format!("{}.", name.text()))
        .unwrap_or_default()
}

fn place(place: Place) -> String {
    match place {
        Place::Where => "w".into(),
        Place::On(source) => format!("on{source}"),
    }
}

/// Checks one text after the other against its blocks.
fn check(backends: &[DbBackend], table: &[(&str, &[&str])]) {
    for backend in backends {
        for (sql, expected) in table {
            assert_eq!(&blocks(sql, *backend), expected, "{backend:?}: {sql}");
        }
    }
}

#[test]
fn a_plain_select_is_one_block_whose_rows_are_told() {
    check(
        &ALL,
        &[
            ("SELECT * FROM note", &["told from(note) */s"]),
            (
                "SELECT id, n.title AS t FROM app.note AS n WHERE n.id = 7 AND views > 3",
                &["told from(app.note:n) id/0 n.id/w n.title/1 views/w as t n.id=7@w"],
            ),
            (
                "SELECT lower(title), id FROM note WHERE title LIKE 'x%' ORDER BY views DESC, upper(title) LIMIT 3",
                &["told limited from(note) id/1 title/o title/s title/w views/o"],
            ),
            ("SELECT *, id FROM note", &["told from(note) id/s note.*/s"]),
            (
                "SELECT n.*, t.id FROM note n, tag t",
                &["told from(note:n, tag:t) n.*/s t.id/s"],
            ),
            (
                "SELECT title || 'x', CASE WHEN views > 1 THEN id END, id FROM note",
                &["told from(note) id/2 id/s title/s views/s"],
            ),
            ("SELECT 1", &["told from()"]),
        ],
    );
}

#[test]
fn equalities_of_the_and_at_the_top_are_atoms() {
    check(
        &ALL,
        &[
            (
                "SELECT 1 FROM note WHERE id IN (1, 2) AND (title = 'x' AND (views = 3)) AND 4 = kind",
                &[
                    "told from(note) id/w kind/w title/w views/w id=1|2@w title='x'@w views=3@w kind=4@w",
                ],
            ),
            (
                "SELECT 1 FROM note WHERE (a, b) IN ((1, 2), (3, 4)) AND c IS NULL AND d = NULL",
                &["told from(note) a/w b/w c/w d/w a,b=1|2|3|4@w c is NULL@w d=NULL@w"],
            ),
            (
                "SELECT 1 FROM note WHERE a = 1 OR b = 2",
                &["told from(note) a/w b/w"],
            ),
            (
                "SELECT 1 FROM note WHERE (a = 1 OR b = 2) AND c = 3",
                &["told from(note) a/w b/w c/w c=3@w"],
            ),
            (
                "SELECT 1 FROM note WHERE a = 1 OR 2 = a",
                &["told from(note) a/w a=1|2@w"],
            ),
            (
                "SELECT 1 FROM note WHERE (a = 1 OR (a IN (2, 4) OR a = 5)) AND c = 3",
                &["told from(note) a/w c/w a=1|2|4|5@w c=3@w"],
            ),
            (
                "SELECT 1 FROM note WHERE (a, b) = (1, 2) OR (a, b) IN ((3, 4))",
                &["told from(note) a/w b/w a,b=1|2|3|4@w"],
            ),
            (
                "SELECT 1 FROM note WHERE c = 3 AND NOT a = 1",
                &["told from(note) a/w c/w"],
            ),
            (
                "SELECT 1 FROM note WHERE a = 1 AND b IN (2, c) AND d NOT IN (4) AND e <> 5 AND f IS NOT NULL",
                &["told from(note) a/w b/w c/w d/w e/w f/w a=1@w"],
            ),
        ],
    );
}

#[test]
fn an_or_that_says_more_than_values_of_the_same_columns_is_no_atom() {
    let cases = [
        ("a = 1 OR a > 2", "a/w"),
        ("a = 1 OR a IS NULL", "a/w"),
        ("a = 1 OR a NOT IN (2)", "a/w"),
        ("a = 1 OR NOT a = 2", "a/w"),
        ("NOT (a = 1 OR a = 2)", "a/w"),
        ("a = 1 OR a = 2 IS NULL", "a/w"),
        ("a = 1 OR a = 2 AND c = 3", "a/w c/w"),
        ("a = 1 OR note.a = 2", "a/w note.a/w"),
        ("a = 1 OR a = b", "a/w b/w"),
        ("a = 1 OR a + 0 = 2", "a/w"),
        ("(a, b) = (1, 2) OR (b, a) = (3, 4)", "a/w b/w"),
    ];
    for (condition, named) in cases {
        let sql = format!("SELECT 1 FROM note WHERE {condition}");
        let expected = [format!("told from(note) {named}")];
        for backend in ALL {
            assert_eq!(blocks(&sql, backend), expected, "{backend:?}: {sql}");
        }
    }
}

#[test]
fn values_bound_to_placeholders_are_those_of_atoms() {
    let values = [Value::from("x"), Value::from(7), Value::Int(None)];
    for (sql, backend) in [
        (
            "SELECT 1 FROM note WHERE title = ? AND id = ? AND views = ?",
            MySql,
        ),
        (
            "SELECT 1 FROM note WHERE title = $1 AND id = $2 AND views = $3",
            Postgres,
        ),
    ] {
        assert_eq!(
            bound(sql, &values, backend),
            ["told from(note) id/w title/w views/w title='x'@w id=7@w views=NULL@w"]
        );
    }
    assert_eq!(
        bound(
            "SELECT 1 FROM note WHERE id = ? LIMIT ?",
            &values[1..],
            Sqlite
        ),
        ["told limited from(note) id/w id=7@w"],
        "a limit need not be known"
    );
}

#[test]
fn joins_say_how_and_their_conditions_where() {
    check(
        &ALL,
        &[
            (
                "SELECT n.id, t.name FROM note n JOIN tag t ON t.note_id = n.id AND t.kind = 2 WHERE n.id = 7",
                &[
                    "told from(note:n, tag:t) n.id/0 n.id/on1 n.id/w t.kind/on1 t.name/1 t.note_id/on1 \
                     t.kind=2@on1 n.id=7@w t.note_id=n.id@on1",
                ],
            ),
            (
                "SELECT note.id FROM note LEFT OUTER JOIN tag ON note.id = tag.note_id CROSS JOIN word",
                &[
                    "told from(note, left tag, word) note.id/0 note.id/on1 tag.note_id/on1 note.id=tag.note_id@on1",
                ],
            ),
            (
                "SELECT a.id FROM note a RIGHT JOIN tag b ON a.id = b.id",
                &["told from(note:a, other tag:b) a.id/0 a.id/on1 b.id/on1 a.id=b.id@on1"],
            ),
            (
                "SELECT a.id FROM note a, tag b WHERE a.id = b.note_id",
                &["told from(note:a, tag:b) a.id/0 a.id/w b.note_id/w a.id=b.note_id@w"],
            ),
            (
                "SELECT a.id FROM note a JOIN (tag b LEFT JOIN word c ON c.id = b.id) ON b.id = a.id",
                &[
                    "told from(note:a, tag:b, left word:c) a.id/0 a.id/on1 b.id/on1 b.id/on2 c.id/on2 \
                     c.id=b.id@on2 b.id=a.id@on1",
                ],
            ),
            (
                "SELECT a.id FROM note a LEFT JOIN (tag b JOIN word c ON c.id = b.id) ON b.id = a.id",
                &[
                    "told from(note:a, other tag:b, other word:c) a.id/0 a.id/on1 b.id/on1 b.id/on2 c.id/on2 \
                     c.id=b.id@on2 b.id=a.id@on1",
                ],
            ),
        ],
    );
    check(
        &[Postgres, Sqlite],
        &[(
            "SELECT a.id FROM note a FULL JOIN tag b ON a.id = b.id",
            &["told from(note:a, other tag:b) a.id/0 a.id/on1 b.id/on1 a.id=b.id@on1"],
        )],
    );
}

#[test]
fn using_and_natural_may_use_any_column() {
    check(
        &ALL,
        &[
            (
                "SELECT note.id FROM note JOIN tag USING (id)",
                &["told opaque from(note, tag) note.id/0"],
            ),
            (
                "SELECT note.id FROM note NATURAL JOIN tag",
                &["told opaque from(note, tag) note.id/0"],
            ),
        ],
    );
}

#[test]
fn rows_are_not_told_where_they_are_combined_or_skipped() {
    check(
        &ALL,
        &[
            ("SELECT count(*) FROM note", &["from(note)"]),
            ("SELECT DISTINCT title FROM note", &["from(note) title/0"]),
            (
                "SELECT title FROM note GROUP BY title HAVING max(views) > 2",
                &["from(note) title/0 title/o views/o"],
            ),
            (
                "SELECT max(views) AS top FROM note",
                &["from(note) views/s as top"],
            ),
            (
                "SELECT id FROM note ORDER BY id LIMIT 5 OFFSET 2",
                &["limited from(note) id/0 id/o"],
            ),
            (
                "SELECT id, row_number() OVER (PARTITION BY kind ORDER BY views) FROM note",
                &["from(note) id/0 kind/o views/o"],
            ),
            (
                "SELECT id, rank() OVER w FROM note WINDOW w AS (ORDER BY views)",
                &["from(note) id/0 views/o"],
            ),
            (
                "SELECT id FROM note ORDER BY count(*)",
                &["from(note) id/0"],
            ),
            ("SELECT own(title) FROM note", &["from(note) title/s"]),
        ],
    );
    check(
        &[MySql, Sqlite],
        &[(
            "SELECT id FROM note LIMIT 2, 5",
            &["limited from(note) id/0"],
        )],
    );
    check(
        &[Postgres],
        &[
            ("SELECT unnest(tags) FROM note", &["from(note) tags/s"]),
            (
                "SELECT DISTINCT ON (kind) id FROM note",
                &["from(note) id/0 kind/o"],
            ),
            (
                "SELECT id FROM note FETCH FIRST 3 ROWS ONLY",
                &["limited from(note) id/0"],
            ),
            (
                "SELECT count(*) FILTER (WHERE views > 2) FROM note",
                &["from(note) views/s"],
            ),
        ],
    );
}

#[test]
fn subqueries_are_blocks_inside() {
    check(
        &ALL,
        &[
            (
                "SELECT id FROM note WHERE EXISTS (SELECT 1 FROM tag WHERE tag.note_id = note.id AND kind = 3)",
                &[
                    "told from(note) id/0",
                    "in 0 from(tag) kind/w note.id/w tag.note_id/w kind=3@w tag.note_id=note.id@w",
                ],
            ),
            (
                "SELECT id FROM note WHERE id IN (SELECT note_id FROM tag) AND kind = 3",
                &[
                    "told from(note) id/0 id/w kind/w kind=3@w",
                    "in 0 from(tag) note_id/0",
                ],
            ),
            (
                "SELECT (SELECT count(*) FROM tag WHERE note_id = n.id) AS tags, n.id FROM note n",
                &[
                    "told from(note:n) n.id/1 as tags",
                    "in 0 from(tag) n.id/w note_id/w note_id=n.id@w",
                ],
            ),
            (
                "SELECT id FROM note WHERE NOT EXISTS (SELECT 1 FROM tag WHERE id NOT IN (SELECT tag_id FROM word WHERE w = 1))",
                &[
                    "told from(note) id/0",
                    "in 0 from(tag) id/w",
                    "in 1 from(word) tag_id/0 w/w w=1@w",
                ],
            ),
            (
                "SELECT id FROM note ORDER BY (SELECT max(w) FROM word)",
                &["from(note) id/0", "in 0 from(word) w/s"],
            ),
        ],
    );
}

#[test]
fn an_aggregate_in_a_subquery_may_be_one_of_the_query_around_it() {
    check(
        &ALL,
        &[(
            "SELECT (SELECT sum(n.views) FROM tag) FROM note n",
            &["from(note:n)", "in 0 from(tag) n.views/s"],
        )],
    );
}

#[test]
fn derived_tables_and_ctes_are_sources_without_a_relation() {
    check(
        &ALL,
        &[
            (
                "SELECT x.id FROM (SELECT id FROM note WHERE kind = 1) x JOIN tag t ON t.id = x.id",
                &[
                    "told from(?:x, tag:t) t.id/on1 x.id/0 x.id/on1 t.id=x.id@on1",
                    "in 0 from(note) id/0 kind/w kind=1@w id=t.id@w",
                ],
            ),
            (
                "WITH c AS (SELECT id FROM note), d AS (SELECT id FROM c) SELECT * FROM d, tag",
                &[
                    "told from(?:d, tag) */s",
                    "from(note) id/0",
                    "from(?:c) id/0",
                ],
            ),
            (
                "WITH note AS (SELECT id FROM note WHERE kind = 1) SELECT n.id FROM note n",
                &["told from(?:n) n.id/0", "from(note) id/0 kind/w kind=1@w"],
            ),
            (
                "WITH RECURSIVE c AS (SELECT id FROM note UNION ALL SELECT n.id FROM note n JOIN c ON n.parent = c.id) SELECT id FROM c",
                &[
                    "told from(?:c) id/0",
                    "from(note) id/0",
                    "from(note:n, ?:c) c.id/on1 n.id/0 n.parent/on1 n.parent=c.id@on1",
                ],
            ),
        ],
    );
}

#[test]
fn what_is_asked_of_a_query_in_from_is_asked_of_the_tables_behind_it() {
    check(
        &ALL,
        &[
            (
                "SELECT x.n FROM (SELECT a.name AS n FROM note a) x WHERE x.n = 'v'",
                &[
                    "told from(?:x) x.n/0 x.n/w x.n='v'@w",
                    "in 0 from(note:a) a.name/0 as n a.name='v'@w",
                ],
            ),
            (
                "WITH c (n) AS (SELECT name FROM note) SELECT n FROM c WHERE n = 'v'",
                &[
                    "told from(?:c) n/0 n/w n='v'@w",
                    "from(note) name/0 name='v'@w",
                ],
            ),
            (
                "SELECT * FROM (SELECT * FROM (SELECT name AS n FROM note) y) x WHERE n = 'v'",
                &[
                    "told from(?:x) */s n/w n='v'@w",
                    "in 0 from(?:y) */s",
                    "in 1 from(note) name/0 as n",
                ],
            ),
            (
                "SELECT x.n FROM (SELECT y.n FROM (SELECT name AS n FROM note) y) x WHERE x.n = 'v'",
                &[
                    "told from(?:x) x.n/0 x.n/w x.n='v'@w",
                    "in 0 from(?:y) y.n/0 y.n='v'@w",
                    "in 1 from(note) name/0 as n name='v'@w",
                ],
            ),
        ],
    );
}

/// Each would be wrong: rows cut off, ranked, filled with NULLs, or of two uses.
#[test]
fn what_is_asked_of_a_query_in_from_stays_outside_where_it_would_change_the_answer() {
    for sql in [
        "SELECT x.n FROM (SELECT name AS n FROM note LIMIT 3) x WHERE x.n = 'v'",
        "SELECT x.n FROM (SELECT name AS n, row_number() OVER (ORDER BY id) AS r FROM note) x WHERE x.n = 'v'",
        "SELECT x.n FROM (SELECT max(name) AS n FROM note) x WHERE x.n = 'v'",
        "SELECT x.n FROM (SELECT lower(name) AS n FROM note) x WHERE x.n = 'v'",
        "SELECT x.n FROM tag t LEFT JOIN (SELECT name AS n FROM note) x ON x.n = 'v'",
        "SELECT x.n FROM tag t FULL JOIN (SELECT name AS n FROM note) x ON x.n = 'v'",
        "SELECT x.n FROM (SELECT name AS n FROM note UNION SELECT name FROM tag) x WHERE x.n = 'v'",
        "SELECT x.n FROM (SELECT name AS n, id AS n FROM note) x WHERE x.n = 'v'",
        "WITH c AS (SELECT name AS n FROM note) SELECT x.n FROM c x, c y WHERE x.n = 'v'",
        "SELECT x.n FROM (SELECT name AS n FROM note) x, tag y WHERE n = 'v'",
    ] {
        for block in blocks(sql, Postgres)
            .iter()
            .filter(|it| it.contains("(note)"))
        {
            assert!(!block.contains("='v'@"), "{sql}: {block}");
        }
    }
}

#[test]
fn lateral_queries_and_functions_in_from_name_columns_of_the_tables_beside_them() {
    check(
        &[Postgres, MySql],
        &[(
            "SELECT n.id, l.name FROM note n, LATERAL (SELECT name FROM tag WHERE note_id = n.id LIMIT 1) l",
            &[
                "told from(note:n, ?:l) l.name/1 n.id/0",
                "in 0 limited from(tag) n.id/w name/0 note_id/w note_id=n.id@w",
            ],
        )],
    );
    check(
        &[Postgres],
        &[(
            "SELECT n.id, e.value FROM note n, jsonb_array_elements(n.tags) AS e",
            &["told from(note:n, ?:e) e.value/1 n.id/0 n.tags/w"],
        )],
    );
    check(
        &[Sqlite],
        &[
            (
                "SELECT n.id, value FROM note n, json_each(n.tags)",
                &["told from(note:n, ?:json_each) n.id/0 n.tags/w value/1"],
            ),
            (
                "SELECT id FROM (SELECT id FROM note)",
                &["told from(?:) id/0", "in 0 from(note) id/0"],
            ),
        ],
    );
}

#[test]
fn each_side_of_a_set_is_a_block() {
    check(
        &ALL,
        &[
            (
                "SELECT id FROM note WHERE a = 1 UNION SELECT id FROM tag ORDER BY 1 LIMIT 3",
                &["limited from(note) a/w id/0 a=1@w", "from(tag) id/0"],
            ),
            (
                "SELECT id FROM note UNION ALL (SELECT id FROM tag EXCEPT SELECT id FROM word)",
                &["from(note) id/0", "from(tag) id/0", "from(word) id/0"],
            ),
            (
                "SELECT id FROM note WHERE id IN (SELECT a FROM tag UNION SELECT b FROM word)",
                &[
                    "told from(note) id/0 id/w",
                    "in 0 from(tag) a/0",
                    "in 0 from(word) b/0",
                ],
            ),
        ],
    );
    check(
        &[Postgres, MySql],
        &[(
            "(SELECT id FROM note) ORDER BY title LIMIT 2",
            &["limited opaque from(note) id/0 title/o"],
        )],
    );
}

#[test]
fn what_orders_is_found_behind_numbers_and_aliases() {
    check(
        &ALL,
        &[
            (
                "SELECT id, title FROM note ORDER BY 2",
                &["told from(note) id/0 title/1 title/o"],
            ),
            (
                "SELECT * FROM note ORDER BY 2",
                &["told opaque from(note) */s"],
            ),
            (
                "SELECT id, lower(title) AS t FROM note ORDER BY t, -1",
                &["told opaque from(note) id/0 t/o title/o title/s as t"],
            ),
            (
                "SELECT kind AS k, count(*) FROM note GROUP BY 1",
                &["from(note) kind/0 kind/o as k"],
            ),
            (
                "SELECT id AS title FROM note ORDER BY title",
                &["told from(note) id/0 id/o title/o as title"],
            ),
        ],
    );
    assert_eq!(
        bound("SELECT id FROM note ORDER BY ?", &[Value::from(1)], MySql),
        ["told opaque from(note) id/0"]
    );
    check(
        &[Postgres],
        &[(
            "SELECT id, initcap(title) FROM note ORDER BY initcap LIMIT 2",
            &["told limited from(note) id/0 initcap/o title/o title/s"],
        )],
    );
}

#[test]
fn an_alias_stands_for_its_columns_where_the_database_sees_it() {
    check(
        &[Sqlite],
        &[(
            "SELECT lower(title) AS t FROM note WHERE t = 'x' AND id = 1",
            &["told from(note) id/w t/w title/s title/w as t id=1@w"],
        )],
    );
    check(
        &[Sqlite, MySql],
        &[
            (
                "SELECT lower(title) AS t FROM note WHERE EXISTS (SELECT 1 FROM tag WHERE name = t)",
                &[
                    "told opaque from(note) title/s as t",
                    "in 0 from(tag) name/w t/w name=t@w",
                ],
            ),
            (
                "SELECT x.a AS b FROM (SELECT b FROM note) x",
                &["told from(?:x) x.a/0 as b", "in 0 from(note) b/0"],
            ),
        ],
    );
}

#[test]
fn the_name_of_a_table_is_a_row_of_it_for_postgres() {
    check(
        &[Postgres],
        &[
            (
                "SELECT to_jsonb(n) FROM note n",
                &["told from(note:n) n.*/s n/s"],
            ),
            (
                "SELECT id FROM note WHERE EXISTS (SELECT note FROM tag)",
                &["told from(note) id/0", "in 0 from(tag) note.*/s note/0"],
            ),
            (
                "SELECT count(n.*), (n).title, n IS NULL FROM note n",
                &["from(note:n) n.*/s n/s title/s"],
            ),
        ],
    );
    check(
        &[Sqlite, MySql],
        &[("SELECT word FROM word", &["told from(word) word/0"])],
    );
}

#[test]
fn renamed_columns_and_chosen_partitions_are_opaque() {
    check(
        &[Postgres],
        &[(
            "SELECT a FROM note AS n(a, b)",
            &["told opaque from(note:n) a/0"],
        )],
    );
    check(
        &[MySql],
        &[(
            "SELECT id FROM note PARTITION (p0)",
            &["told opaque from(note) id/0"],
        )],
    );
}

#[test]
fn a_comparison_that_needs_precedence_to_be_read_says_nothing() {
    check(
        &ALL,
        &[
            (
                "SELECT 1 FROM note WHERE a = 1 AND b = c + 1",
                &["told from(note) a/w b/w c/w"],
            ),
            (
                "SELECT 1 FROM note n JOIN tag t ON n.id = t.id AND NOT t.a = t.b WHERE n.k = 2",
                &["told from(note:n, tag:t) n.id/on1 n.k/w t.a/on1 t.b/on1 t.id/on1 n.k=2@w"],
            ),
        ],
    );
}

#[test]
fn tables_of_one_name_in_two_schemas_are_not_told_apart_by_it() {
    check(
        &[Postgres],
        &[(
            "SELECT 1 FROM a.note, b.note WHERE a.note.id = 3",
            &["told from(a.note, b.note) note.id/w"],
        )],
    );
}

#[test]
fn there_are_no_blocks_where_the_tables_are_not_all_in_them() {
    let table = [
        ("SELECT 1 FROM note; SELECT 2 FROM tag", MySql),
        ("DELETE FROM note WHERE id IN (SELECT id FROM tag)", Sqlite),
        ("TABLE note", Postgres),
        ("SELECT id FROM note FOR UPDATE", Postgres),
        ("SELECT now(), id FROM note", Postgres),
        (
            "SELECT id FROM note WHERE MATCH(title) AGAINST ('x')",
            MySql,
        ),
        ("SELECT FROM WHERE", Sqlite),
        ("EXPLAIN SELECT id FROM note", Postgres),
    ];
    for (sql, backend) in table {
        assert!(blocks(sql, backend).is_empty(), "{sql}");
    }
}

#[test]
fn a_full_text_match_pins_no_row() {
    let sql = "SELECT MATCH(title) AGAINST ('x') FROM note WHERE id = 7";
    assert_eq!(analyse_raw(sql, None, MySql).pins, None);
}

/// Seen to overflow the stack without `MOST_LEVELS` (`equalities.rs`): a batch of keys of two columns did.
#[test]
fn a_long_chain_of_conditions_is_left_aside() {
    let chain = |long: usize| {
        let links = (0..long).map(|at| format!("(a = {at} AND b = {at})"));
        let links = links.collect::<Vec<_>>().join(" OR ");
        format!("SELECT * FROM note WHERE {links}")
    };
    for backend in [DbBackend::Sqlite, DbBackend::Postgres, DbBackend::MySql] {
        let checks = |long| {
            let blocks = analyse_raw(&chain(long), None, backend).blocks;
            blocks.iter().map(|block| block.checks.len()).sum::<usize>()
        };
        assert_eq!((checks(4), checks(40), checks(600)), (1, 0, 0));
    }
}

#[test]
fn what_binds_between_and_and_or_leaves_a_condition_unread() {
    let checks = |condition: &str| {
        let sql = format!("SELECT * FROM note WHERE {condition}");
        analyse_raw(&sql, None, DbBackend::MySql).blocks[0]
            .checks
            .len()
    };
    assert_eq!(checks("a < 1 OR b = 2 AND c = 3"), 1);
    assert_eq!(checks("a < 1 OR b = 2 XOR c = 3"), 0);
    assert_eq!(
        checks("NOT a < 1"),
        0,
        "sessions differ in what NOT is about"
    );
    assert_eq!(checks("NOT (a < 1) AND b > 2"), 2);
}
