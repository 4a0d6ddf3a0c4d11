//! What is wrong at the start is said at the start: which file, which key, and an exit status (phoned.md §2, §17.1;
//! dird-platform.md §1).

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Result;
use e2e::daemon::{Outcome, logged};
use e2e::phone::{Cisco, Handset, yealink_search};
use e2e::site::Plan;
use serde_json::json;

fn assert_refused(outcome: &Outcome, status: i32, words: &[&str]) {
    assert_eq!(outcome.status, Some(status), "{}", outcome.output);
    for word in words {
        assert!(
            outcome.output.contains(word),
            "{word:?} is not in: {}",
            outcome.output
        );
    }
}

#[tokio::test]
async fn a_port_in_use_ends_either_with_status_1_and_the_address() -> Result<()> {
    let plan = Plan::demo()?;
    plan.load().await?;
    for (port, is_dird) in [
        (&plan.dird["rest_api"]["port"], true),
        (&plan.dird["auth"]["port"], true),
        (&plan.phoned["rest_api"]["http"]["port"], false),
    ] {
        let port = u16::try_from(port.as_u64().unwrap_or_default())?;
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let outcome = if is_dird {
            plan.dird(&[]).await?
        } else {
            plan.phoned(&[]).await?
        };
        assert_refused(&outcome, 1, &[&holder.local_addr()?.to_string()]);
    }
    Ok(())
}

#[tokio::test]
async fn dird_refuses_a_broken_main_file_level_or_value_with_status_1() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.write()?;
    assert_refused(&plan.dird(&["-l", "loud"]).await?, 1, &["loud"]);
    plan.dird["rest_api"]["port"] = json!("many");
    assert_refused(&plan.dird(&[]).await?, 1, &["dird.yml", "port", "many"]);
    assert_refused(
        &plan.dird(&["--check-config"]).await?,
        1,
        &["dird.yml", "port", "many"],
    );

    std::fs::write(plan.file("broken.yml"), "rest_api: [1, 2\nuser: x\n")?;
    let arguments = ["-c", "broken.yml"];
    let outcome = e2e::daemon::run("dird", &arguments, plan.home(), e2e::site::PATIENCE).await?;
    assert_refused(&outcome, 1, &["broken.yml"]);
    Ok(())
}

#[tokio::test]
async fn root_does_not_serve_instead_of_a_user_that_is_not_there() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("only root can become somebody else; nothing to try");
        return Ok(());
    }
    let plan = Plan::demo()?;
    plan.load().await?;
    let user = ["-u", "no-such-user-here"];
    for outcome in [plan.dird(&user).await?, plan.phoned(&user).await?] {
        assert_refused(&outcome, 1, &["no-such-user-here", "there is no such user"]);
    }
    Ok(())
}

#[tokio::test]
async fn phoned_refuses_bad_subnets_and_yaml_with_status_2() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.load().await?;
    plan.phoned["rest_api"]["authorized_subnets"] = json!(["10.0.0.0/8", "10.0.0.0/33"]);
    let words = ["phoned.yml", "authorized_subnets", "10.0.0.0/33"];
    assert_refused(&plan.phoned(&[]).await?, 2, &words);
    assert_refused(&plan.phoned(&["--check-config"]).await?, 2, &words);

    plan.phoned["rest_api"]["authorized_subnets"] = json!(["10.0.0.0/8"]);
    std::fs::write(
        plan.file("phoned.d/10-broken.yml"),
        "rest_api: {authorized_subnets: [10.0.0.0/8\n",
    )?;
    assert_refused(&plan.phoned(&[]).await?, 2, &["10-broken.yml"]);
    std::fs::remove_file(plan.file("phoned.d/10-broken.yml"))?;

    plan.phoned["rest_api"]["http"]["enabled"] = json!(false);
    assert_refused(
        &plan.phoned(&[]).await?,
        2,
        &["No HTTP/HTTPS server enabled"],
    );
    Ok(())
}

#[tokio::test]
async fn phoned_refuses_a_broken_template_with_its_name_and_line() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.load().await?;
    let templates = plan.file("my-templates");
    let source = e2e::binaries::repository().join("templates");
    copy_tree(&source, &templates)?;
    plan.phoned["templates_dir"] = json!("my-templates");
    let unchanged = plan.phoned(&["--check-config"]).await?;
    assert_eq!(unchanged.status, Some(0), "{}", unchanged.output);

    let broken = first_template(&templates.join("cisco"))?;
    std::fs::write(&broken, "<CiscoIPPhoneDirectory>\n{% for entry in %}\n")?;
    let name = broken
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    assert_refused(&plan.phoned(&[]).await?, 2, &[&name]);
    assert_refused(&plan.phoned(&["--check-config"]).await?, 2, &[&name]);
    Ok(())
}

#[tokio::test]
async fn a_good_configuration_passes_its_check_and_shows_no_secret() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.load().await?;
    plan.phoned["bus"] = json!({"password": "open sesame"});
    let phoned = plan.phoned(&["--check-config"]).await?;
    let dird = plan.dird(&["--check-config"]).await?;
    for outcome in [&phoned, &dird] {
        assert_eq!(outcome.status, Some(0), "{}", outcome.output);
    }
    assert!(
        phoned.output.contains("authorized_subnets") && !phoned.output.contains("open sesame"),
        "{}",
        phoned.output
    );
    Ok(())
}

#[tokio::test]
async fn dird_names_a_part_that_it_does_not_have_once_and_starts() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.dird["enabled_plugins"] = json!({"backends": {"cvs": false, "csv": true}});
    let site = plan.start().await?;
    let log = logged(&site.plan.file("dird.log"), "listening on").await?;
    assert_eq!(
        log.matches("enabled_plugins.backends.cvs").count(),
        1,
        "{log}"
    );
    assert!(!log.contains("enabled_plugins.backends.csv"), "{log}");
    site.stop().await
}

#[tokio::test]
async fn the_demo_says_which_file_it_cannot_read() -> Result<()> {
    let plan = Plan::demo()?;
    std::fs::remove_file(plan.file("config/demo/people.csv"))?;
    let outcome = plan.dird(&["demo"]).await?;
    assert_refused(&outcome, 1, &["people.csv"]);
    Ok(())
}

#[tokio::test]
async fn a_missing_csv_file_leaves_the_other_sources_and_comes_back() -> Result<()> {
    let plan = Plan::demo()?;
    plan.load().await?;
    let (people, hidden) = (plan.file("config/demo/people.csv"), plan.file("hidden.csv"));
    std::fs::rename(&people, &hidden)?;
    let (dird, phoned) = (plan.start_dird().await?, plan.start_phoned().await?);
    let site = e2e::site::Site {
        demo: plan.load().await?,
        dird,
        phoned,
        plan,
    };
    let url = site.yealink(0, "directories/lookup/default/yealink")?;

    let suppliers = yealink_search(&Handset::yealink(), &url, "ne").await?;
    assert!(
        suppliers.iter().any(|(_, number)| number.starts_with('+')),
        "{suppliers:?}"
    );
    let nobody = yealink_search(&Handset::yealink(), &url, "elodie").await?;
    assert!(
        !nobody.iter().any(|(name, _)| name == "Élodie Çelik"),
        "{nobody:?}"
    );

    std::fs::rename(&hidden, &people)?;
    let found = yealink_search(&Handset::yealink(), &url, "celik").await?;
    assert!(
        found.iter().any(|(name, _)| name == "Élodie Çelik"),
        "{found:?}"
    );
    site.stop().await
}

#[tokio::test]
async fn a_csv_file_that_is_not_utf_8_leaves_the_other_sources() -> Result<()> {
    let plan = Plan::demo()?;
    let mut bytes = std::fs::read(plan.file("config/demo/people.csv"))?;
    bytes.extend(b"999,Andr\xE9,Latin,2999,,,,\n");
    std::fs::write(plan.file("config/demo/people.csv"), bytes)?;
    let site = plan.start().await?;
    let page = Cisco::new(Handset::cisco())
        .search(&site.cisco_menu(0)?, "rolls")
        .await?;
    assert!(
        page.entries
            .iter()
            .all(|(_, number)| number.starts_with(['+', '0'])),
        "{:?}",
        page.entries
    );
    logged(&site.plan.file("dird.log"), "people.csv").await?;
    site.stop().await
}

fn copy_tree(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A template file (not a settings file) of one vendor.
fn first_template(folder: &std::path::Path) -> Result<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.retain(|path| {
        path.is_file() && path.extension().is_none_or(|extension| extension != "toml")
    });
    files.sort();
    files
        .pop()
        .ok_or_else(|| anyhow::anyhow!("no template in {}", folder.display()))
}
