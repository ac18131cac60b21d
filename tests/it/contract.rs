//! What every backplane keeps, run over each of them; and what Redis keeps besides, whatever happens to it.
//!
//! No test sleeps for luck: it waits for an event, with a deadline. That something is *not* heard is shown by what is
//! heard next.

mod contract_changes;
mod contract_cluster;
mod contract_devices;
mod contract_faults;
mod contract_hints;
mod contract_history;
mod contract_leases;
mod contract_log;
mod contract_model;
mod contract_outages;
mod contract_owed;
mod contract_people;
mod contract_readings;
mod contract_renames;
mod contract_sentinel;
mod contract_strange;
mod contract_world;

/// Runs each function over memory, over Redis, over a Redis that sentinels know, and over a cluster.
macro_rules! over_every_backplane {
    ($($module:ident: $($test:ident)+;)*) => {
        mod memory {
            $($(#[tokio::test]
            async fn $test() {
                crate::$module::$test(crate::contract_world::World::memory()).await;
            })+)*
        }
        mod redis {
            $($(#[tokio::test]
            async fn $test() {
                crate::$module::$test(crate::contract_world::World::redis()).await;
            })+)*
        }
        mod sentinel {
            $($(#[tokio::test]
            async fn $test() {
                crate::$module::$test(crate::contract_world::World::sentinel()).await;
            })+)*
        }
        mod redis_cluster {
            $($(#[tokio::test]
            async fn $test() {
                crate::$module::$test(crate::contract_world::World::cluster()).await;
            })+)*
        }
    };
}

over_every_backplane! {
    contract_log:
        a_sender_hears_itself_and_positions_are_contiguous_from_one
        many_senders_make_one_order_without_holes
        an_envelope_comes_out_as_it_went_in
        the_same_key_is_said_once_and_keeps_its_receipt
        the_same_key_in_another_room_is_another_message
        what_is_published_once_subscribed_is_heard
        a_room_is_heard_until_its_last_guard_is_dropped
        an_empty_room_has_a_position_and_its_first_message_follows_it
        a_log_is_read_on_without_a_hole_or_not_at_all
        a_log_of_long_texts_is_read_on_in_pieces
        the_recent_messages_are_the_last_ones_oldest_first;
    contract_history:
        a_change_takes_a_position_is_heard_in_order_and_is_kept
        the_history_has_messages_as_they_are_now
        what_may_not_be_changed_stays_as_it_is_and_says_nothing
        a_change_that_is_made_again_under_its_key_is_made_once
        a_message_has_so_many_reactions_and_no_more
        the_history_is_read_in_pages_from_either_side;
    contract_hints:
        a_hint_comes_out_as_it_went_in
        a_hint_is_in_no_log_and_takes_no_position
        a_hint_that_nobody_listens_to_is_lost;
    contract_people:
        the_first_that_enters_and_the_last_that_leaves_are_heard
        sessions_are_counted_and_entering_twice_counts_once
        who_comes_is_told_how_many_are_there_with_them
        a_new_name_is_heard_and_kept_until_the_next
        a_leave_that_is_held_back_is_said_when_its_time_is_over_and_not_if_they_are_back
        leaving_without_having_entered_changes_nothing
        a_name_is_taken_by_one_subject_and_free_again_after_it
        occupants_are_sorted_and_at_the_version_that_the_next_change_follows
        one_person_in_two_rooms_is_in_each_of_them
        names_come_out_as_they_went_in;
    contract_devices:
        who_says_goodbye_on_one_device_may_come_back_on_another_that_was_lost
        who_comes_back_alone_under_another_name_has_that_one;
    contract_readings:
        a_reading_knows_everyone_that_its_version_does;
}
