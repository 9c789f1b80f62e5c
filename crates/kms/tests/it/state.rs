//! A new endpoint.

use crate::support::World;

#[tokio::test]
async fn an_empty_database_raises_no_alarm_and_survives_a_restart() {
    let world = World::new().await;
    assert_eq!(world.kms.alarms(), []);
    let world = world.restart().await;
    assert_eq!(world.kms.alarms(), []);
}
