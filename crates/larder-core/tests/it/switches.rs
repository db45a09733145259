//! Switches: what is off caches nothing and still publishes.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use larder_core::{Change, Dependency, Key, Larder, LocalBus, Lookup, Region, Share};

use crate::gate::within;
use crate::scene::{Truth, builder, larder, read, region, table};

fn with_variables(variables: &[(&str, &str)]) -> Larder {
    Larder::builder("conduit")
        .environment(variables.iter().copied())
        .build()
        .unwrap()
}

/// Returns the keys of the first thousand that are in the share.
fn admitted(region: &Region<u64>) -> Vec<u64> {
    (0..1000)
        .filter(|key| !matches!(region.lookup(&Key::from(*key)), Lookup::Off))
        .collect()
}

async fn is_off(region: &Region<u64>) -> bool {
    read(region, "a", 1).await;
    read(region, "a", 2).await == 2
}

#[tokio::test]
async fn the_environment_switches_the_service_off() {
    for off in ["false", "0", "off", "no", " FALSE "] {
        let larder = with_variables(&[("LARDER_ENABLED", off)]);
        assert!(is_off(&region(&larder, "article")).await, "{off}");
        assert!(!larder.snapshot().enabled);
    }
    for on in ["true", "1", "on", "yes", ""] {
        let larder = with_variables(&[("LARDER_ENABLED", on)]);
        assert!(!is_off(&region(&larder, "article")).await, "{on}");
    }
}

#[tokio::test]
async fn the_environment_switches_regions_off() {
    let variables = [(
        "LARDER_DISABLE",
        "conduit.http,conduit.article, other.user ,conduit.a.b",
    )];
    let larder = with_variables(&variables);
    for (name, off) in [
        ("http", true),
        ("article", true),
        ("user", false),
        ("a.b", true),
        ("a", false),
    ] {
        assert_eq!(is_off(&region(&larder, name)).await, off, "{name}");
    }
    let larder = with_variables(&[("LARDER_DISABLE", "conduit")]);
    assert!(is_off(&region(&larder, "article")).await);
}

#[tokio::test]
async fn the_environment_gives_a_region_a_share_of_its_keys() {
    let variables = [("LARDER_PERCENT", "conduit.article=25,other.user=0")];
    let larder = with_variables(&variables);
    assert_eq!(larder.snapshot().regions.len(), 0);
    let share = admitted(&region(&larder, "article")).len();
    assert!((180..320).contains(&share), "{share} of 1000 keys");
    assert_eq!(admitted(&region(&larder, "user")).len(), 1000);
    assert_eq!(larder.snapshot().region("article").unwrap().percent, 25);
}

#[tokio::test]
async fn off_wins_over_a_share() {
    let variables = [
        ("LARDER_PERCENT", "conduit.article=25"),
        ("LARDER_DISABLE", "conduit.article"),
    ];
    assert!(admitted(&region(&with_variables(&variables), "article")).is_empty());
    let variables = [
        ("LARDER_PERCENT", "conduit.article=25"),
        ("LARDER_ENABLED", "no"),
    ];
    assert!(admitted(&region(&with_variables(&variables), "article")).is_empty());
}

#[tokio::test]
async fn a_share_is_the_same_keys_on_every_node_and_grows_by_adding() {
    let (one, two) = (larder(), larder());
    let regions = [region::<u64>(&one, "offers"), region::<u64>(&two, "offers")];
    let mut before = Vec::new();
    for percent in [0, 1, 10, 25, 50, 99, 100] {
        let share = Share::percent(percent).unwrap();
        for larder in [&one, &two] {
            larder.switches().set_region("offers", share).unwrap();
        }
        let now = admitted(&regions[0]);
        assert_eq!(now, admitted(&regions[1]));
        assert!(
            before.iter().all(|key| now.contains(key)),
            "{percent} % dropped keys"
        );
        let expected = usize::from(percent) * 10;
        assert!(
            now.len().abs_diff(expected) < 80,
            "{} keys at {percent} %",
            now.len()
        );
        before = now;
    }
    assert_eq!(before.len(), 1000);
}

#[tokio::test]
async fn what_is_off_is_neither_read_nor_kept_nor_counted_as_held() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    region.put("a", 1).await.unwrap();
    larder.switches().set("shop.offers=0").unwrap();
    assert_eq!(region.get("a").await, None);
    assert!(is_off(&region).await);
    region.put("b", 1).await.unwrap();
    let many = region.get_many_or_load(vec!["a", "b"], |keys| async move {
        Ok::<_, Infallible>(keys.into_iter().map(|key| (key, 7)).collect::<Vec<_>>())
    });
    assert_eq!(
        many.await.unwrap(),
        vec![Some(Arc::new(7)), Some(Arc::new(7))]
    );
    larder.switches().set("shop.offers=100").unwrap();
    assert_eq!(region.get("b").await, None, "nothing was kept");
    assert_eq!(larder.snapshot().region("offers").unwrap().hits, 0);
}

#[tokio::test]
async fn what_is_off_still_publishes() {
    let bus = LocalBus::new();
    for switch in ["shop=0", "shop.offers=0"] {
        let (off, on) = (
            builder().bus(bus.clone()).build().unwrap(),
            builder().bus(bus.clone()).build().unwrap(),
        );
        off.switches().set(switch).unwrap();
        let (here, there) = (region::<u64>(&off, "offers"), region::<u64>(&on, "offers"));
        for way in 0..5 {
            let load = || async {
                on.depend_on("prices");
                on.reading(None, &[Dependency::row(&table("offer"), 7)]);
                Ok::<_, Infallible>(1)
            };
            there.get_or_load("a", load).await.unwrap();
            assert!(there.get("a").await.is_some());
            match way {
                0 => here.put("a", 2).await.unwrap(),
                1 => here.remove("a").await.unwrap(),
                2 => here.invalidate_all().await.unwrap(),
                3 => drop(off.invalidate("prices").await.unwrap()),
                _ => drop(off.publish(Change::row(&table("offer"), 7)).await.unwrap()),
            }
            assert_eq!(there.get("a").await, None, "{switch}, way {way}");
        }
    }
}

#[tokio::test]
async fn what_changed_while_off_is_not_served_when_it_is_on_again() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let truth = Truth::of(1);
    for (write, switch) in (2..).zip(["shop", "shop.offers"]) {
        truth.through(&region, "a").await;
        larder.switches().set(&format!("{switch}=0")).unwrap();
        truth.write(write);
        region.remove("a").await.unwrap();
        assert_eq!(truth.through(&region, "a").await, write);
        larder.switches().set(&format!("{switch}=100")).unwrap();
        assert_eq!(truth.through(&region, "a").await, write);
    }
}

#[tokio::test]
async fn a_region_never_has_more_than_its_service() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    larder.switches().set("shop=10").unwrap();
    larder.switches().set("shop.offers=50").unwrap();
    assert_eq!(larder.switches().share("offers").get(), 10);
    let late = crate::scene::region::<u64>(&larder, "late");
    assert_eq!(
        admitted(&late),
        admitted(&region),
        "a region declared later has it too"
    );
    larder.switches().set_service(Share::ON);
    assert_eq!(larder.switches().share("offers").get(), 50);
    assert_eq!(admitted(&late).len(), 1000);
}

#[tokio::test]
async fn a_region_a_switch_names_and_nobody_declares_is_shown_as_unknown() {
    let variables = [
        ("LARDER_DISABLE", "conduit.artikel,other.x"),
        ("LARDER_PERCENT", "conduit.usr=5"),
    ];
    let larder = with_variables(&variables);
    region::<u64>(&larder, "article");
    assert_eq!(larder.snapshot().unknown_regions, ["artikel", "usr"]);
    larder.switches().set("conduit.late=7").unwrap();
    assert_eq!(
        larder.snapshot().unknown_regions,
        ["artikel", "late", "usr"]
    );
    let late = region::<u64>(&larder, "late");
    assert_eq!(larder.snapshot().unknown_regions, ["artikel", "usr"]);
    assert!(
        admitted(&late).len() < 200,
        "and has the share it was given before"
    );
}

#[tokio::test]
async fn a_wrong_switch_at_run_time_is_an_error_and_changes_nothing() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    larder.switches().set("shop.offers=25").unwrap();
    let before = admitted(&region);
    for wrong in [
        "shop.offers=250",
        "shop.offers=-1",
        "shop.offers=x",
        "shop.offers=",
        "shop.offers",
        "=5",
        "",
        ".offers=5",
        "shop.=5",
        "shop.offers=25.5",
    ] {
        let error = larder.switches().set(wrong).unwrap_err();
        assert!(error.to_string().contains(&format!("`{wrong}`")), "{error}");
        assert_eq!(admitted(&region), before, "{wrong}");
    }
    assert!(larder.switches().set_region("", Share::OFF).is_err());
    assert!(Share::percent(101).is_none());
    larder.switches().set("other.offers=0").unwrap();
    assert_eq!(admitted(&region), before, "another service's");
    let read = larder.switches().read(|name| match name {
        "LARDER_DISABLE" => Some("shop.offers,,".to_owned()),
        "LARDER_ENABLED" => Some("no".to_owned()),
        _ => None,
    });
    assert!(read.is_err());
    assert_eq!(admitted(&region), before, "all or nothing");
    assert!(larder.snapshot().enabled);
}

/// From 0 to 100 percent and back while others read and write: nobody is served an old value.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_share_can_be_moved_while_serving() {
    let larder = larder();
    let region = region::<u64>(&larder, "offers");
    let truths: Arc<Vec<Truth>> = Arc::new((0..20).map(|_| Truth::of(0)).collect());
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (region, truths, stop) = (region.clone(), Arc::clone(&truths), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut last = [0; 20];
                while !stop.load(Ordering::SeqCst) {
                    for (key, truth) in truths.iter().enumerate() {
                        let value = truth.through(&region, key as u64).await;
                        assert!(value >= last[key], "{value} after {}", last[key]);
                        last[key] = value;
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for percent in (0..=100).chain((0..100).rev()).chain(0..=100) {
        larder
            .switches()
            .set_region("offers", Share::percent(percent).unwrap())
            .unwrap();
        for (key, truth) in truths.iter().enumerate() {
            truth.write(truth.load().unwrap() + 1);
            region.remove(key as u64).await.unwrap();
        }
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::SeqCst);
    for reader in readers {
        within("a reader", reader).await.unwrap();
    }
    for (key, truth) in truths.iter().enumerate() {
        assert_eq!(
            truth.through(&region, key as u64).await,
            truth.load().unwrap()
        );
        assert!(region.get(key as u64).await.is_some(), "all of it is on");
    }
}

/// The variables are the process's own: this test starts itself again with them.
#[tokio::test]
async fn the_process_environment_is_read_unless_another_is_given() {
    let test = "switches::the_process_environment_is_read_unless_another_is_given";
    if std::env::var("LARDER_TEST_CHILD").is_ok() {
        match Larder::builder("conduit").build() {
            Ok(larder) => {
                let off = is_off(&region(&larder, "article")).await;
                let given = is_off(&region(&with_variables(&[]), "article")).await;
                println!("article is off: {off}, with an environment of its own: {given}");
            }
            Err(error) => println!("refused: {}", std::error::Error::source(&error).unwrap()),
        }
        return;
    }
    let told = |variable: &str, value: &str| {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env("LARDER_TEST_CHILD", "yes")
            .env(variable, value)
            .output();
        String::from_utf8(child.unwrap().stdout).unwrap()
    };
    let off = "article is off: true, with an environment of its own: false";
    assert!(told("LARDER_DISABLE", "conduit.article").contains(off));
    assert!(told("LARDER_ENABLED", "no").contains(off));
    assert!(told("LARDER_DISABLE", "other.article").contains("article is off: false"));
    let refused = told("LARDER_PERCENT", "conduit.article=250");
    assert!(
        refused.contains("LARDER_PERCENT") && refused.contains("conduit.article=250"),
        "{refused}"
    );
}
