//! What is known of the databases' own functions.
//!
//! A name that is in no list here is judged by the catalog, and taken for one that may write if that does not
//! know it either.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use sea_orm::DbBackend;

/// What calling a function means for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nature {
    /// The answer depends on its arguments alone.
    Pure,
    /// The answer depends on the time, chance, the session or the server; no table is written.
    Volatile,
    /// Nothing is known: it may read and write any table.
    Unknown,
}

/// Returns what is known of the function of that name, lower-case, with its schema if written.
pub(crate) fn nature(name: &str, backend: DbBackend) -> Nature {
    let own = unqualified(name);
    // A function of MySQL's own has no schema: `app.lower` is the user's.
    if backend == DbBackend::MySql && own.len() != name.len() {
        return Nature::Unknown;
    }
    let known = match backend {
        DbBackend::Postgres => &POSTGRES,
        DbBackend::MySql => &MYSQL,
        DbBackend::Sqlite => &SQLITE,
        _ => return Nature::Unknown,
    };
    // Only pragmas without an effect can be called like tables.
    if backend == DbBackend::Sqlite && own.starts_with("pragma_") {
        return Nature::Volatile;
    }
    known.get(own).copied().unwrap_or(Nature::Unknown)
}

/// Returns a function's name without its schema.
pub(crate) fn unqualified(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Tells whether the function of that name is one of the database's own that takes one row and gives one value.
///
/// Aggregates, window functions and functions that return several rows are not; nor is what is not known.
pub(super) fn is_scalar(name: &str, backend: DbBackend) -> bool {
    let own = unqualified(name);
    if own.len() != name.len() && backend != DbBackend::Postgres {
        return false;
    }
    if own.bytes().any(|byte| byte.is_ascii_uppercase()) {
        SCALARS.contains(own.to_ascii_lowercase().as_str())
    } else {
        SCALARS.contains(own)
    }
}

/// Tells whether an identifier without quotes or parentheses is a function of the session or the time.
pub(crate) fn is_niladic(name: &str, backend: DbBackend) -> bool {
    const ANYWHERE: &[&str] = &[
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "localtime",
        "localtimestamp",
        "session_user",
        "sysdate",
        "system_user",
        "utc_date",
        "utc_time",
        "utc_timestamp",
    ];
    let name = name.to_ascii_lowercase();
    ANYWHERE.contains(&name.as_str()) || (backend == DbBackend::Postgres && name == "user")
}

/// Tells whether a string is one `PostgreSQL` reads as a moment relative to now when it is cast.
pub(crate) fn is_relative_moment(text: &str) -> bool {
    text.split_ascii_whitespace().any(|word| {
        ["now", "today", "tomorrow", "yesterday"]
            .iter()
            .any(|now| word.eq_ignore_ascii_case(now))
    })
}

/// The natures of one database's functions by their names.
type Known = HashMap<&'static str, Nature>;

static POSTGRES: LazyLock<Known> = LazyLock::new(|| known(PURE_POSTGRES, VOLATILE_POSTGRES));
static MYSQL: LazyLock<Known> = LazyLock::new(|| known(PURE_MYSQL, VOLATILE_MYSQL));
static SQLITE: LazyLock<Known> = LazyLock::new(|| known(PURE_SQLITE, VOLATILE_SQLITE));

static SCALARS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| SCALAR.split(' ').collect());

fn known(pure: &'static str, volatile: &'static str) -> Known {
    let named = |list: &'static str, nature| list.split(' ').map(move |name| (name, nature));
    // A name in both lists is volatile.
    named(PURE, Nature::Pure)
        .chain(named(pure, Nature::Pure))
        .chain(named(VOLATILE, Nature::Volatile))
        .chain(named(volatile, Nature::Volatile))
        .collect()
}

/// Pure wherever they exist.
const PURE: &str = "\
     abs acos acosh all any array ascii asin asinh atan atan2 atanh avg cast ceil ceiling char \
     char_length character_length coalesce concat concat_ws cos cosh cot count cume_dist degrees \
     dense_rank div exists exp extract first_value floor format greatest grouping hex if ifnull in \
     isnull lag last_value lcase lead least left length ln log log10 log2 lower lpad ltrim max md5 \
     mid min mod nth_value ntile nullif octet_length percent_rank pi position pow power quote \
     radians rank repeat replace reverse right round row row_number rpad rtrim sign sin sinh some \
     soundex space sqrt substr substring sum tan tanh translate trim trunc truncate ucase upper \
     values";

/// Pure given the session's settings.
const PURE_POSTGRES: &str = "\
     array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims \
     array_position array_positions array_prepend array_remove array_replace array_to_json \
     array_to_string array_to_tsvector array_upper bit_and bit_count bit_length bit_or bit_xor \
     bool_and bool_or btrim cardinality cbrt chr convert_from convert_to corr covar_pop covar_samp \
     crypt date date_bin date_part date_trunc decode difference digest encode every factorial gcd \
     generate_series generate_subscripts get_bit get_byte hashtext hmac initcap int4 int8 isempty \
     isfinite json_agg json_array_elements json_array_elements_text json_array_length \
     json_build_array json_build_object json_each json_each_text json_extract_path \
     json_extract_path_text json_object json_object_agg json_object_keys json_populate_record \
     json_populate_recordset json_strip_nulls json_to_record json_to_recordset json_typeof \
     jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array \
     jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text \
     jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists \
     jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first \
     jsonb_populate_record jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record \
     jsonb_to_recordset jsonb_typeof justify_days justify_hours justify_interval lcm levenshtein \
     lower_inc lower_inf make_date make_interval make_time make_timestamp make_timestamptz \
     metaphone mode multirange normalize num_nonnulls num_nulls numeric numnode overlay \
     percentile_cont percentile_disc phraseto_tsquery plainto_tsquery querytree quote_ident \
     quote_literal quote_nullable range_agg range_merge regexp_count regexp_instr regexp_like \
     regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table \
     regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope row_to_json \
     scale setweight sha224 sha256 sha384 sha512 show_trgm similarity split_part starts_with stddev \
     stddev_pop stddev_samp strict_word_similarity string_agg string_to_array string_to_table strip \
     strpos text to_char to_date to_hex to_json to_jsonb to_number to_timestamp to_tsquery \
     to_tsvector trim_scale ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsquery_phrase \
     tsvector_to_array unaccent unistr unnest upper_inc upper_inf var_pop var_samp variance \
     websearch_to_tsquery width_bucket word_similarity xmlagg";

/// Pure given the session's settings.
const PURE_MYSQL: &str = "\
     adddate addtime aes_decrypt aes_encrypt any_value bin bin_to_uuid bit_and bit_count bit_length \
     bit_or bit_xor charset chr coercibility collation column_get compress conv convert convert_tz \
     crc32 crc32c date date_add date_format date_sub datediff day dayname dayofmonth dayofweek \
     dayofyear decode decode_oracle elt encode export_set extractvalue field find_in_set \
     format_bytes format_pico_time from_base64 from_days from_unixtime get_format group_concat hour \
     inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interval is_ipv4 is_ipv4_compat \
     is_ipv4_mapped is_ipv6 is_uuid json_array json_array_append json_array_insert \
     json_array_intersect json_arrayagg json_compact json_contains json_contains_path json_depth \
     json_detailed json_equals json_exists json_extract json_insert json_keys json_length \
     json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object \
     json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace \
     json_schema_valid json_search json_set json_table json_type json_unquote json_valid json_value \
     last_day lengthb locate make_set makedate maketime match median member microsecond minute \
     month monthname name_const natural_sort_key nvl nvl2 oct ord percentile_cont percentile_disc \
     period_add period_diff quarter regexp_instr regexp_like regexp_replace regexp_substr rlike \
     sec_to_time second sformat sha sha1 sha2 st_area st_asbinary st_asgeojson st_astext \
     st_contains st_distance st_distance_sphere st_equals st_geomfromtext st_intersects st_latitude \
     st_longitude st_point st_srid st_within st_x st_y std stddev stddev_pop stddev_samp \
     str_to_date strcmp subdate substring_index subtime time time_format time_to_sec timediff \
     timestamp timestampadd timestampdiff to_base64 to_char to_days to_seconds uncompress \
     uncompressed_length unhex updatexml uuid_to_bin var_pop var_samp variance week weekday \
     weekofyear weight_string year yearweek";

/// Pure; the functions of dates are not, they take `'now'`.
const PURE_SQLITE: &str = "\
     bm25 concat glob group_concat highlight iif instr json json_array json_array_insert \
     json_array_length json_each json_error_position json_extract json_group_array \
     json_group_object json_insert json_object json_patch json_pretty json_quote json_remove \
     json_replace json_set json_tree json_type json_valid jsonb jsonb_array jsonb_each \
     jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch \
     jsonb_remove jsonb_replace jsonb_set jsonb_tree like likelihood likely match median percentile \
     percentile_cont percentile_disc printf regexp snippet string_agg total typeof unhex unicode \
     unistr unistr_quote unlikely zeroblob";

/// One value for one row, wherever they exist. `min` and `max` of two values are not among them.
const SCALAR: &str = "\
     abs acos acosh all any array_length array_to_json array_to_string ascii asin asinh atan atan2 \
     atanh bin bit_length btrim cardinality cast ceil ceiling char char_length character_length chr \
     coalesce concat concat_ws convert cos cosh cot crc32 date date_add date_format date_part \
     date_sub date_trunc datediff day dayname dayofmonth dayofweek dayofyear degrees div elt exists \
     exp extract field find_in_set floor from_unixtime greatest hex hour if ifnull iif in initcap \
     instr isnull json json_array json_array_length json_build_array json_build_object \
     json_contains json_depth json_extract json_extract_path json_extract_path_text json_keys \
     json_length json_object json_quote json_type json_typeof json_unquote json_valid json_value \
     jsonb_array_length jsonb_build_array jsonb_build_object jsonb_extract_path \
     jsonb_extract_path_text jsonb_path_exists jsonb_pretty jsonb_set jsonb_typeof lcase least left \
     length likelihood likely ln locate log log10 log2 lower lpad ltrim make_date md5 microsecond \
     mid minute mod month monthname nullif num_nonnulls num_nulls nvl nvl2 octet_length ord overlay \
     pi position pow power printf quarter quote quote_ident quote_literal quote_nullable radians \
     regexp_like regexp_replace regexp_substr repeat replace reverse right round row row_to_json \
     rpad rtrim second sha1 sha2 sha224 sha256 sha384 sha512 sign similarity sin sinh some soundex \
     space split_part sqrt starts_with string_to_array strpos substr substring substring_index tan \
     tanh time_format timestampdiff to_char to_date to_hex to_json to_jsonb to_number to_timestamp \
     to_tsquery to_tsvector translate trim trunc truncate ts_rank ts_rank_cd typeof ucase unaccent \
     unhex unicode unlikely upper week weekday year";

/// Volatile wherever they exist.
const VOLATILE: &str = "\
     current_date current_time current_timestamp current_user localtime localtimestamp now rand \
     random session_user user uuid version";

/// They tell the time, the session or the server, or change a sequence or a lock.
const VOLATILE_POSTGRES: &str = "\
     age clock_timestamp current_catalog current_database current_query current_role current_schema \
     current_schemas current_setting currval gen_random_bytes gen_random_uuid gen_salt \
     has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege \
     has_schema_privilege has_sequence_privilege has_table_privilege inet_client_addr \
     inet_client_port inet_server_addr inet_server_port lastval nextval pg_advisory_lock \
     pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared \
     pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_backend_pid pg_cancel_backend \
     pg_column_size pg_conf_load_time pg_current_snapshot pg_current_wal_lsn pg_current_xact_id \
     pg_current_xact_id_if_assigned pg_database_size pg_get_expr pg_get_serial_sequence \
     pg_get_viewdef pg_indexes_size pg_is_in_recovery pg_last_wal_receive_lsn \
     pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_notify pg_postmaster_start_time \
     pg_relation_size pg_sleep pg_sleep_for pg_sleep_until pg_snapshot_xmin pg_table_is_visible \
     pg_table_size pg_terminate_backend pg_total_relation_size pg_try_advisory_lock \
     pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared \
     random_normal row_security_active set_config setseed setval statement_timestamp system_user \
     timeofday to_regclass to_regproc to_regtype transaction_timestamp txid_current \
     txid_current_if_assigned txid_current_snapshot txid_status uuid_generate_v1 uuid_generate_v1mc \
     uuid_generate_v4 uuidv4 uuidv7";

/// They tell the time, the session or the server, or change a sequence or a lock.
const VOLATILE_MYSQL: &str = "\
     benchmark connection_id curdate current_role curtime database found_rows get_lock gtid_subset \
     is_free_lock is_used_lock last_insert_id lastval load_file master_gtid_wait master_pos_wait \
     nextval random_bytes release_all_locks release_lock row_count schema setval sleep sys_guid \
     sysdate system_user unix_timestamp utc_date utc_time utc_timestamp uuid_short uuid_v4 uuid_v7";

/// They tell the time or the connection, or may.
const VOLATILE_SQLITE: &str = "\
     changes date datetime julianday last_insert_rowid randomblob sqlite_compileoption_get \
     sqlite_compileoption_used sqlite_offset sqlite_source_id sqlite_version strftime time timediff \
     total_changes unixepoch";

#[cfg(test)]
mod tests {
    use super::*;

    const BACKENDS: [DbBackend; 3] = [DbBackend::Postgres, DbBackend::MySql, DbBackend::Sqlite];

    #[test]
    fn what_is_in_no_list_is_unknown() {
        for backend in BACKENDS {
            assert_eq!(nature("lower", backend), Nature::Pure);
            assert_eq!(nature("now", backend), Nature::Volatile);
            assert_eq!(nature("transfer_money", backend), Nature::Unknown);
        }
        assert_eq!(nature("query_to_xml", DbBackend::Postgres), Nature::Unknown);
        assert_eq!(
            nature("pg_catalog.lower", DbBackend::Postgres),
            Nature::Pure
        );
        assert_eq!(nature("app.lower", DbBackend::MySql), Nature::Unknown);
    }

    #[test]
    fn what_aggregates_ranks_or_multiplies_is_no_scalar() {
        for backend in BACKENDS {
            for name in ["lower", "COALESCE", "substr", "replace", "cast"] {
                assert!(is_scalar(name, backend), "{name}");
            }
            let others = "avg count group_concat json_agg json_group_array lag max median min mode rank \
                row_number string_agg sum total unnest generate_series json_each regexp_matches \
                array_agg any_value first_value transfer_money percentile_cont bool_or every";
            for name in others.split_ascii_whitespace() {
                assert!(!is_scalar(name, backend), "{name}");
            }
        }
        assert!(is_scalar("pg_catalog.lower", DbBackend::Postgres));
        assert!(!is_scalar("app.lower", DbBackend::MySql));
    }

    #[test]
    fn sqlite_dates_may_be_now() {
        assert_eq!(nature("date", DbBackend::Sqlite), Nature::Volatile);
        assert_eq!(nature("date", DbBackend::MySql), Nature::Pure);
    }

    #[test]
    fn some_strings_are_moments() {
        assert!(is_relative_moment("Now") && is_relative_moment("today 10:00"));
        assert!(!is_relative_moment("nowhere"));
    }
}
