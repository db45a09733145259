//! What the analysis says of `SeaORM`'s statements.

use larder_sea_orm::analysis::{
    Analysis, Cell, Columns, KeyKnowledge, Kind, Name, OwnedStatement, Returning, Uncacheable,
    Write, WriteKind, analyse, kind_of,
};
use sea_orm::sea_query::extension::postgres::{PgExpr, PgFunc};
use sea_orm::sea_query::{
    Alias, CaseStatement, CommonTableExpression, Expr, ExprTrait, Func, IntoColumnRef, JoinType,
    Keyword, LockType, LogicalChainOper, OnConflict, Order, Query, SelectStatement, SimpleExpr,
    SqliteQueryBuilder, Table, UnionType, Value, WindowStatement, WithClause,
};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Set, StatementBuilder,
};

use crate::analysis_entities::{note, tagging};

const ALL: [DbBackend; 3] = [DbBackend::Sqlite, DbBackend::Postgres, DbBackend::MySql];

fn of<S: StatementBuilder>(statement: &S) -> Analysis {
    let (analysis, _) = analyse(statement, DbBackend::Postgres);
    for backend in [DbBackend::Sqlite, DbBackend::MySql] {
        let (other, _) = analyse(statement, backend);
        assert_eq!(other.reads, analysis.reads);
        assert_eq!(other.writes, analysis.writes);
        assert_eq!(other.pins, analysis.pins);
    }
    analysis
}

fn reads(analysis: &Analysis) -> Vec<String> {
    analysis.reads.iter().map(ToString::to_string).collect()
}

fn pinned(analysis: &Analysis, key: &[&str]) -> Option<Vec<Vec<Value>>> {
    let rows = analysis.pins.as_ref()?.rows(key, DbBackend::Postgres)?;
    Some(
        rows.into_iter()
            .map(|row| row.into_iter().cloned().collect())
            .collect(),
    )
}

fn ints(rows: &[&[i32]]) -> Vec<Vec<Value>> {
    rows.iter()
        .map(|row| row.iter().map(|value| (*value).into()).collect())
        .collect()
}

fn one_write(analysis: &Analysis) -> &Write {
    assert_eq!(analysis.writes.len(), 1, "{:?}", analysis.writes);
    assert!(!analysis.unknown_writes && !analysis.ddl && !analysis.transaction_control);
    &analysis.writes[0]
}

fn written(write: &Write, key: &[&str]) -> Option<Vec<Vec<Value>>> {
    let KeyKnowledge::Pinned(pins) = &write.key else {
        return None;
    };
    let rows = pins.rows(key, DbBackend::Postgres)?;
    Some(
        rows.into_iter()
            .map(|row| row.into_iter().cloned().collect())
            .collect(),
    )
}

fn col(name: &'static str) -> SimpleExpr {
    Expr::col(name)
}

fn from(table: &'static str) -> SelectStatement {
    Query::select().column("id").from(table).take()
}

#[test]
fn the_type_of_a_statement_is_told_without_looking_inside() {
    assert_eq!(kind_of(&from("note")), Kind::Select);
    assert_eq!(kind_of(&Query::insert()), Kind::Insert);
    assert_eq!(kind_of(&Query::update()), Kind::Update);
    assert_eq!(kind_of(&Query::delete()), Kind::Delete);
    let with = from("note").with(cte("c", from("note")));
    assert_eq!(kind_of(&with), Kind::With);
    assert_eq!(kind_of(&Table::drop().table("note").take()), Kind::Other);
}

#[test]
fn find_by_id_pins_its_row() {
    let analysis = of(note::Entity::find_by_id(7).as_query());
    assert_eq!(reads(&analysis), ["note"]);
    assert_eq!(pinned(&analysis, &["id"]), Some(ints(&[&[7]])));
    assert_eq!(analysis.refusal, None);
    assert!(analysis.writes.is_empty());
}

#[test]
fn a_composite_key_is_pinned_column_by_column_or_by_tuples() {
    let one = of(tagging::Entity::find_by_id((1, 2)).as_query());
    assert_eq!(pinned(&one, &["note_id", "tag_id"]), Some(ints(&[&[1, 2]])));
    assert_eq!(pinned(&one, &["tag_id", "note_id"]), Some(ints(&[&[2, 1]])));
    let tuples = Expr::tuple([col("note_id"), col("tag_id")]).in_tuples([(1, 2), (3, 4)]);
    let some = of(&from("tagging").and_where(tuples).take());
    assert_eq!(
        pinned(&some, &["note_id", "tag_id"]),
        Some(ints(&[&[1, 2], &[3, 4]]))
    );
    let both = of(&from("tagging")
        .and_where(col("note_id").is_in([1, 2]))
        .and_where(col("tag_id").eq(5))
        .take());
    assert_eq!(
        pinned(&both, &["note_id", "tag_id"]),
        Some(ints(&[&[1, 5], &[2, 5]]))
    );
}

#[test]
fn whatever_else_is_asked_of_the_rows_does_not_unpin_them() {
    let select = note::Entity::find()
        .filter(note::Column::Id.is_in([1, 2]))
        .filter(note::Column::Title.contains("x"))
        .filter(
            Condition::any()
                .add(note::Column::Views.gt(3))
                .add(note::Column::Views.is_null()),
        )
        .order_by_desc(note::Column::Views)
        .limit(5)
        .offset(1);
    assert_eq!(
        pinned(&of(select.as_query()), &["id"]),
        Some(ints(&[&[1], &[2]]))
    );
    let count = from("note")
        .expr(Func::count(col("id")))
        .and_where(col("id").eq(1))
        .group_by_col("views")
        .and_having(col("views").gt(1))
        .distinct()
        .take();
    assert_eq!(pinned(&of(&count), &["id"]), Some(ints(&[&[1]])));
}

#[test]
fn what_could_pick_other_rows_pins_nothing() {
    let unpinned: [(&str, SelectStatement); 9] = [
        ("no condition", from("note")),
        (
            "or",
            from("note")
                .cond_where(
                    Condition::any()
                        .add(col("id").eq(1))
                        .add(col("views").eq(2)),
                )
                .take(),
        ),
        ("not", from("note").and_where(col("id").eq(1).not()).take()),
        ("range", from("note").and_where(col("id").gt(1)).take()),
        (
            "between",
            from("note").and_where(col("id").between(1, 1)).take(),
        ),
        (
            "another column",
            from("note").and_where(col("views").eq(1)).take(),
        ),
        (
            "an expression",
            from("note").and_where(col("id").add(1).eq(2)).take(),
        ),
        (
            "a column",
            from("note").and_where(col("id").eq(col("views"))).take(),
        ),
        (
            "not in",
            from("note").and_where(col("id").is_not_in([1])).take(),
        ),
    ];
    for (why, select) in unpinned {
        assert_eq!(pinned(&of(&select), &["id"]), None, "{why}");
    }
}

#[test]
fn a_condition_that_prints_otherwise_than_its_tree_reads_pins_nothing() {
    let link = LogicalChainOper::And;
    let chain = from("note")
        .and_or_where(link(col("a").or(col("b"))))
        .and_or_where(link(col("id").eq(1)))
        .take();
    let printed = chain.to_string(SqliteQueryBuilder);
    assert!(printed.ends_with(r#""a" OR "b" AND "id" = 1"#), "{printed}");
    assert_eq!(pinned(&of(&chain), &["id"]), None);
    let plain = from("note")
        .and_or_where(link(col("views").gt(1)))
        .and_or_where(link(col("id").eq(1)))
        .take();
    assert_eq!(pinned(&of(&plain), &["id"]), Some(ints(&[&[1]])));
    let safe = from("note")
        .cond_where(
            Condition::all()
                .add(col("a").or(col("b")))
                .add(col("id").eq(1)),
        )
        .take();
    assert_eq!(pinned(&of(&safe), &["id"]), Some(ints(&[&[1]])));
}

#[test]
fn a_column_of_another_table_is_not_the_tables() {
    let select = from("note")
        .and_where(Expr::col(("other", "id")).eq(1))
        .take();
    assert_eq!(pinned(&of(&select), &["id"]), None);
    let aliased = Query::select()
        .column("id")
        .from_as("note", "n")
        .and_where(Expr::col(("n", "id")).eq(1))
        .take();
    assert_eq!(pinned(&of(&aliased), &["id"]), Some(ints(&[&[1]])));
    let hidden = Query::select()
        .column("id")
        .from_as("note", "n")
        .and_where(Expr::col(("note", "id")).eq(1))
        .take();
    assert_eq!(pinned(&of(&hidden), &["id"]), None);
}

#[test]
fn every_table_is_read_wherever_it_stands() {
    let anywhere = Query::select()
        .expr(Expr::SubQuery(None, Box::new(from("in_select").into())))
        .from("main")
        .from_subquery(from("in_from"), "f")
        .join(
            JoinType::LeftJoin,
            "joined",
            Expr::col("a").in_subquery(from("in_on")),
        )
        .and_where(Expr::exists(from("in_exists")))
        .and_where(col("x").in_subquery(from("in_in")))
        .and_where(
            CaseStatement::new()
                .case(Expr::exists(from("in_case")), 1)
                .finally(Expr::SubQuery(None, Box::new(from("in_else").into())))
                .into(),
        )
        .and_where(Func::lower(Expr::SubQuery(None, Box::new(from("in_call").into()))).eq("x"))
        .group_by_col("a")
        .and_having(Expr::exists(from("in_having")))
        .union(UnionType::All, from("in_union"))
        .order_by_expr(
            Expr::SubQuery(None, Box::new(from("in_order").into())),
            Order::Asc,
        )
        .take();
    let analysis = of(&anywhere);
    let mut found = reads(&analysis);
    found.sort();
    let mut expected = [
        "in_select",
        "main",
        "in_from",
        "joined",
        "in_on",
        "in_exists",
        "in_in",
        "in_case",
        "in_else",
        "in_call",
        "in_having",
        "in_union",
        "in_order",
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(analysis.pins, None);
}

#[test]
fn a_pin_beside_another_table_is_none() {
    let pin = || col("id").eq(1);
    let beside: [(&str, SelectStatement); 6] = [
        (
            "join",
            from("note")
                .inner_join("tag", Expr::col("a").equals("b"))
                .and_where(pin())
                .take(),
        ),
        ("comma", from("note").from("tag").and_where(pin()).take()),
        (
            "subquery",
            from("note")
                .and_where(pin())
                .and_where(Expr::exists(from("tag")))
                .take(),
        ),
        (
            "derived",
            Query::select()
                .column("id")
                .from_subquery(from("note"), "n")
                .and_where(pin())
                .take(),
        ),
        (
            "union",
            from("note")
                .and_where(pin())
                .union(UnionType::All, from("tag"))
                .take(),
        ),
        (
            "lateral",
            from("note")
                .join_lateral(JoinType::InnerJoin, from("tag"), "t", Expr::val(true))
                .and_where(pin())
                .take(),
        ),
    ];
    for (why, select) in beside {
        assert_eq!(pinned(&of(&select), &["id"]), None, "{why}");
    }
}

fn cte(name: &'static str, body: SelectStatement) -> WithClause {
    let cte = CommonTableExpression::new()
        .table_name(name)
        .query(body)
        .to_owned();
    WithClause::new().cte(cte).to_owned()
}

#[test]
fn a_cte_is_no_table_where_it_can_be_seen() {
    let with = from("c").with(cte("c", from("note")));
    assert_eq!(reads(&of(&with)), ["note"]);
    // Not recursive: inside its own body the name is still a table's.
    let shadow = from("note").with(cte("note", from("note")));
    assert_eq!(reads(&of(&shadow)), ["note"]);
    let mut recursive = cte("c", from("note").union(UnionType::All, from("c")).take());
    assert_eq!(
        reads(&of(&from("c").with(recursive.clone()))),
        ["note", "c"]
    );
    recursive.recursive(true);
    assert_eq!(reads(&of(&from("c").with(recursive))), ["note"]);
}

#[test]
fn a_cte_inside_a_subquery_is_a_table_outside() {
    let inner = from("c").with_cte(cte("c", from("note"))).take();
    let outer = from("c").and_where(col("id").in_subquery(inner)).take();
    let mut found = reads(&of(&outer));
    found.sort();
    assert_eq!(found, ["c", "note"]);
}

#[test]
fn a_schema_never_names_a_cte() {
    let select = Query::select().column("id").from(("public", "c")).take();
    assert_eq!(
        reads(&of(&select.with(cte("c", from("note"))))),
        ["note", "public.c"]
    );
}

#[test]
fn what_answers_differently_each_time_is_refused() {
    let refused: [(SimpleExpr, &str); 6] = [
        (Func::random().into(), "random"),
        (Expr::current_timestamp(), "current_timestamp"),
        (Expr::current_date(), "current_date"),
        (Func::cust("NOW").into(), "now"),
        (Func::cust("pg_catalog.now").into(), "pg_catalog.now"),
        (PgFunc::gen_random_uuid().into(), "gen_random_uuid"),
    ];
    for (expr, name) in refused {
        let (analysis, _) = analyse(&from("note").expr(expr).take(), DbBackend::Postgres);
        assert_eq!(analysis.refusal, Some(Uncacheable::Volatile(name.into())));
        assert!(!analysis.unknown_writes, "{name} writes nothing");
    }
    let lock = from("note").lock(LockType::Update).take();
    assert_eq!(of(&lock).refusal, Some(Uncacheable::Lock));
    let cast = from("note")
        .expr(Func::cast_as("now", "timestamptz"))
        .take();
    let (analysis, _) = analyse(&cast, DbBackend::Sqlite);
    assert_eq!(
        analysis.refusal, None,
        "only PostgreSQL takes it for the time"
    );
    let (analysis, _) = analyse(&cast, DbBackend::Postgres);
    assert_eq!(analysis.refusal, Some(Uncacheable::Volatile("now".into())));
}

#[test]
fn a_function_of_the_users_may_write() {
    for backend in ALL {
        let select = from("note").expr(Func::cust("transfer").arg(1)).take();
        let (analysis, owned) = analyse(&select, backend);
        assert!(analysis.may_write(backend));
        assert!(
            matches!(owned, Some(OwnedStatement::Select(_))),
            "it may have to outlive its caller"
        );
        let (analysis, owned) = analyse(&from("note").expr(Func::lower(col("x"))).take(), backend);
        assert!(!analysis.may_write(backend));
        assert!(owned.is_none());
    }
}

#[test]
fn pieces_of_sea_orms_own_are_known() {
    let count = from("note")
        .expr(Expr::cust("COUNT(*) AS num_items"))
        .take();
    assert_eq!(of(&count).refusal, None);
    let one = from("note")
        .expr(Expr::cust("1"))
        .and_where(col("id").eq(3))
        .take();
    assert_eq!(pinned(&of(&one), &["id"]), Some(ints(&[&[3]])));
}

#[test]
fn pieces_of_raw_sql_are_taken_apart() {
    let inside = from("note")
        .and_where(Expr::cust("id IN (SELECT note_id FROM tagging)"))
        .take();
    let analysis = of(&inside);
    assert_eq!(reads(&analysis), ["note", "tagging"]);
    assert_eq!(analysis.refusal, None);
    // What follows the select list of a raw query that is paged.
    let paged = Query::select()
        .expr(Expr::cust("id, title FROM note WHERE views > 3"))
        .take();
    assert_eq!(reads(&of(&paged)), ["note"]);
    let pure = from("note")
        .expr(Expr::cust("lower(title) || 'x'"))
        .and_where(col("id").eq(1))
        .take();
    assert_eq!(pinned(&of(&pure), &["id"]), Some(ints(&[&[1]])));
    let volatile = from("note").expr(Expr::cust("now()")).take();
    assert_eq!(
        of(&volatile).refusal,
        Some(Uncacheable::Volatile("now".into()))
    );
}

#[test]
fn pieces_that_are_no_expression_are_opaque() {
    for text in [
        "1 FROM tag",
        "1 WHERE true",
        "1) OR (1 = 1",
        "1 -- ",
        "1 /* ",
        "1; DELETE FROM note",
        "'",
    ] {
        let piece = || Expr::cust(text);
        let select = from("note")
            .and_where(piece())
            .and_where(col("id").eq(1))
            .take();
        let (analysis, _) = analyse(&select, DbBackend::Postgres);
        assert!(
            analysis.refusal.is_some() && analysis.pins.is_none(),
            "{text}"
        );
        let update = Query::update()
            .table("note")
            .value("views", 1)
            .and_where(col("id").eq(1))
            .and_where(piece())
            .take();
        let (analysis, _) = analyse(&update, DbBackend::Postgres);
        let wide = analysis
            .writes
            .iter()
            .all(|write| write.key == KeyKnowledge::Unknown);
        assert!(wide || analysis.unknown_writes, "{text}");
    }
}

#[test]
fn text_in_the_place_of_a_name_is_looked_at() {
    let operator = from("note")
        .and_where(col("a").binary(sea_orm::sea_query::BinOper::Custom("= 1 OR"), 1))
        .take();
    assert!(of(&operator).refusal.is_some());
    let keyword = from("note")
        .expr(Expr::Keyword(Keyword::Custom("transfer(1)".into())))
        .take();
    assert!(of(&keyword).functions.contains(&"transfer".into()));
    let name = from("note").expr(Func::cust("f(1), g")).take();
    assert!(of(&name).unknown_writes);
}

#[test]
fn operators_and_windows_of_postgres_are_known() {
    let select = from("note")
        .expr_window(
            Func::sum(col("views")),
            WindowStatement::partition_by("author_id")
                .order_by("id", Order::Asc)
                .to_owned(),
        )
        .and_where(col("title").ilike("x%"))
        .and_where(col("tags").eq(PgFunc::any(
            vec![1, 2].into_iter().map(Value::from).next().unwrap(),
        )))
        .take();
    assert_eq!(of(&select).refusal, None);
}

#[test]
fn an_insert_tells_its_rows() {
    let one = note::Entity::insert(
        note::Model {
            id: 7,
            title: "a".into(),
            views: 1,
        }
        .into_active_model(),
    );
    let analysis = of(one.as_query());
    let write = one_write(&analysis);
    assert_eq!(
        (write.table.to_string().as_str(), &write.kind),
        ("note", &WriteKind::Insert)
    );
    let KeyKnowledge::Inserted { columns, rows } = &write.key else {
        panic!("{write:?}")
    };
    assert_eq!(
        columns.iter().map(Name::text).collect::<Vec<_>>(),
        ["id", "title", "views"]
    );
    assert_eq!(
        rows,
        &[vec![
            Cell::Value(7.into()),
            Cell::Value("a".into()),
            Cell::Value(1.into())
        ]]
    );
    let many = Query::insert()
        .into_table("note")
        .columns(["id", "views"])
        .values_panic([1.into(), Expr::val(1).add(2)])
        .values_panic([2.into(), Expr::Keyword(Keyword::Default)])
        .take();
    let analysis = of(&many);
    let KeyKnowledge::Inserted { rows, .. } = &one_write(&analysis).key else {
        panic!()
    };
    assert_eq!(rows[0], [Cell::Value(1.into()), Cell::Unknown]);
    assert_eq!(rows[1], [Cell::Value(2.into()), Cell::Default]);
}

#[test]
fn an_insert_without_a_key_says_what_it_returns() {
    let insert = note::Entity::insert(note::ActiveModel {
        title: Set("a".into()),
        ..Default::default()
    });
    let mut query = insert.as_query().clone();
    query
        .returning(Query::returning().exprs([Expr::col("id"), Expr::col("title").as_enum("text")]));
    let (mysql, _) = analyse(&query, DbBackend::MySql);
    assert_eq!(
        one_write(&mysql).returning,
        Returning::Nothing,
        "it is not printed there"
    );
    let (analysis, _) = analyse(&query, DbBackend::Postgres);
    let Returning::Columns(columns) = &one_write(&analysis).returning else {
        panic!()
    };
    assert_eq!(
        columns.iter().map(Name::text).collect::<Vec<_>>(),
        ["id", "title"]
    );
    query.returning_all();
    let (analysis, _) = analyse(&query, DbBackend::Sqlite);
    assert_eq!(one_write(&analysis).returning, Returning::All);
}

#[test]
fn rows_of_a_select_are_not_known() {
    let insert = Query::insert()
        .into_table("note")
        .columns(["id"])
        .select_from(
            from("draft")
                .and_where(col("id").eq(1))
                .group_by_col("id")
                .take(),
        )
        .unwrap()
        .take();
    let analysis = of(&insert);
    assert_eq!(one_write(&analysis).key, KeyKnowledge::Unknown);
    assert_eq!(reads(&analysis), ["draft"]);
    assert_eq!(analysis.pins, None);
}

#[test]
fn default_rows_have_no_keys() {
    let insert = Query::insert()
        .into_table("note")
        .or_default_values_many(3)
        .take();
    let (analysis, _) = analyse(&insert, DbBackend::Postgres);
    let KeyKnowledge::Inserted { columns, rows } = &one_write(&analysis).key else {
        panic!()
    };
    assert!(columns.is_empty());
    assert_eq!(rows.len(), 3);
}

#[test]
fn an_upsert_says_what_conflicts_and_what_it_sets() {
    let insert = |conflict: OnConflict| {
        let row = [1.into(), "a".into()];
        Query::insert()
            .into_table("note")
            .columns(["id", "title"])
            .values_panic(row)
            .on_conflict(conflict)
            .take()
    };
    let update = insert(
        OnConflict::column("id")
            .update_columns(["title"])
            .value("views", Expr::exists(from("tag")))
            .to_owned(),
    );
    let (mysql, _) = analyse(&update, DbBackend::MySql);
    let any_key = &one_write(&mysql).kind;
    assert_eq!(any_key, &WriteKind::Upsert(None), "any unique key");
    let (analysis, _) = analyse(&update, DbBackend::Postgres);
    let write = one_write(&analysis);
    let WriteKind::Upsert(Some(target)) = &write.kind else {
        panic!("{write:?}")
    };
    assert_eq!(target[0].text(), "id");
    let Columns::Named(columns) = &write.columns else {
        panic!()
    };
    assert_eq!(
        columns.iter().map(Name::text).collect::<Vec<_>>(),
        ["title", "views"]
    );
    assert_eq!(reads(&analysis), ["tag"]);
    let nothing = insert(OnConflict::column("id").do_nothing().to_owned());
    assert_eq!(one_write(&of(&nothing)).kind, WriteKind::Insert);
    let key_kept = insert(OnConflict::column("id").do_nothing_on(["id"]).to_owned());
    let (mysql, _) = analyse(&key_kept, DbBackend::MySql);
    let write = one_write(&mysql);
    assert_eq!(write.kind, WriteKind::Upsert(None), "it fires triggers");
    assert_eq!(write.columns, Columns::Named(Vec::new()));
    let constraint = insert(
        OnConflict::constraint("note_key")
            .update_column("title")
            .to_owned(),
    );
    assert_eq!(one_write(&of(&constraint)).kind, WriteKind::Upsert(None));
    let replace = Query::insert()
        .replace()
        .into_table("note")
        .columns(["id"])
        .values_panic([1.into()])
        .take();
    assert_eq!(one_write(&of(&replace)).kind, WriteKind::Replace);
}

#[test]
fn an_update_tells_its_rows_and_columns() {
    let model = note::ActiveModel {
        id: Set(7),
        title: Set("a".into()),
        ..Default::default()
    };
    let analysis = of(note::Entity::update(model).validate().unwrap().as_query());
    let write = one_write(&analysis);
    assert_eq!(written(write, &["id"]), Some(ints(&[&[7]])));
    assert_eq!(write.kind, WriteKind::Update);
    let Columns::Named(columns) = &write.columns else {
        panic!()
    };
    assert_eq!(
        columns.iter().map(Name::text).collect::<Vec<_>>(),
        ["title"]
    );
    let many = note::Entity::update_many()
        .col_expr(note::Column::Views, Expr::value(1))
        .filter(note::Column::Views.gt(3));
    assert_eq!(written(one_write(&of(many.as_query())), &["id"]), None);
}

#[test]
fn an_update_from_other_tables_tells_no_rows() {
    let update = Query::update()
        .table("note")
        .value("views", 1)
        .from("tag")
        .and_where(Expr::col(("note", "id")).eq(1))
        .take();
    let analysis = of(&update);
    assert_eq!(one_write(&analysis).key, KeyKnowledge::Unknown);
    assert_eq!(reads(&analysis), ["tag"]);
}

#[test]
fn subqueries_beside_a_pin_do_not_widen_a_write() {
    let delete = Query::delete()
        .from_table("note")
        .and_where(col("id").eq(1))
        .and_where(Expr::exists(from("tag")))
        .take();
    let analysis = of(&delete);
    assert_eq!(written(one_write(&analysis), &["id"]), Some(ints(&[&[1]])));
    assert_eq!(reads(&analysis), ["tag"]);
    assert_eq!(one_write(&analysis).kind, WriteKind::Delete);
}

#[test]
fn what_is_written_is_a_table_whatever_ctes_are_called() {
    let delete = Query::delete()
        .from_table("c")
        .and_where(col("id").eq(1))
        .take();
    let analysis = of(&delete.with(cte("c", from("note"))));
    let write = one_write(&analysis);
    assert_eq!(write.table.to_string(), "c");
    assert_eq!(
        write.returning,
        Returning::Elsewhere,
        "what comes back may be the outer statement's"
    );
    assert_eq!(reads(&analysis), ["note"]);
}

#[test]
fn writes_inside_a_with_are_seen() {
    let gone = Query::delete()
        .from_table("note")
        .and_where(col("id").eq(1))
        .returning_all()
        .take();
    let cte = CommonTableExpression::new()
        .table_name("gone")
        .query(gone)
        .to_owned();
    let select = from("gone").with(WithClause::new().cte(cte).to_owned());
    let (analysis, owned) = analyse(&select, DbBackend::Postgres);
    assert_eq!(one_write(&analysis).kind, WriteKind::Delete);
    assert!(matches!(owned, Some(OwnedStatement::With(_))));
    assert!(reads(&analysis).is_empty());
}

#[test]
fn ddl_is_seen_through_its_text() {
    for backend in ALL {
        let (analysis, owned) = analyse(&Table::drop().table("note").take(), backend);
        assert!(analysis.ddl && analysis.may_write(backend));
        assert!(matches!(owned, Some(OwnedStatement::Built(_))));
        let create = sea_orm::Schema::new(backend).create_table_from_entity(note::Entity);
        assert!(analyse(&create, backend).0.ddl);
        let index = sea_orm::sea_query::Index::create()
            .name("i")
            .table("note")
            .col("views")
            .take();
        assert!(analyse(&index, backend).0.ddl);
    }
    for backend in [DbBackend::Postgres, DbBackend::MySql] {
        let (analysis, _) = analyse(&Table::truncate().table("note").take(), backend);
        assert_eq!(analysis.writes[0].kind, WriteKind::Truncate);
        assert_eq!(analysis.transaction_control, backend == DbBackend::MySql);
    }
}

#[tokio::test]
async fn every_read_of_an_entity_is_understood() {
    let selects = [
        note::Entity::find().as_query().clone(),
        note::Entity::find()
            .find_also_related(tagging::Entity)
            .as_query()
            .clone(),
        note::Entity::find()
            .find_with_related(tagging::Entity)
            .as_query()
            .clone(),
        note::Entity::find()
            .select_only()
            .column(note::Column::Id)
            .distinct()
            .as_query()
            .clone(),
        note::Entity::find()
            .column_as(note::Column::Views.sum(), "sum")
            .group_by(note::Column::Id)
            .as_query()
            .clone(),
        note::Entity::find()
            .filter(note::Column::Title.like("a%"))
            .as_query()
            .clone(),
    ];
    for select in selects {
        let analysis = of(&select);
        assert_eq!(analysis.refusal, None);
        assert_eq!(reads(&analysis)[0], "note");
        assert!(!analysis.may_write(DbBackend::Postgres));
    }
    let db = sea_orm::Database::connect("sqlite::memory:").await.unwrap();
    drop(note::Entity::find().paginate(&db, 10));
}

#[test]
fn a_qualified_name_keeps_its_schema() {
    let select = Query::select()
        .column("id")
        .from(("app", "note"))
        .and_where(Expr::col(("app", "note", "id")).eq(1))
        .take();
    let analysis = of(&select);
    assert_eq!(reads(&analysis), ["app.note"]);
    assert_eq!(pinned(&analysis, &["id"]), Some(ints(&[&[1]])));
    let _ = Alias::new("x").into_column_ref();
}
