//! The real daemons on loopback, used as phones and administrators use them.
//!
//! One file per thing that people do. Every test starts a site of its own: see `e2e::site`.

mod bear_attackers;
mod bear_hung_remotes;
mod count_for_operators;
mod fill_a_door_station;
mod follow_a_door_station;
mod keep_tenants_apart;
mod let_phones_in;
mod lose_nothing_when_killed;
mod meet_odd_clients;
mod outlive_remote_directories;
mod people;
mod renew_certificates;
mod run_as_a_service;
mod search_on_a_cisco;
mod search_on_a_yealink;
mod search_on_every_make;
mod see_each_part_fail;
mod serve_the_platform;
mod show_edits_at_once;
mod start_with_bad_input;
mod stop_under_load;
mod stop_whatever_is_down;
mod switch_do_not_disturb;
mod type_anything;
