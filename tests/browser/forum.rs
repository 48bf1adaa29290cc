//! Forum: its topics as a bar, what each message belongs to, and where a reply goes.

use switchboard_simulator::PersonSpec;

use crate::support::{
    browser::{Desk, Look},
    fleet::Fleet,
    wait,
};

/// Protects whoever answers in a forum: each topic by itself and all of them together, and never a doubt about where a
/// reply goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_forum_is_read_by_topic_and_a_reply_says_where_it_goes() {
    let fleet = Fleet::builder().off_the_disk().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let sim = &fleet.telegram;
    let person = sim.add_person(PersonSpec::new("Contact one"));
    let forum = sim.add_forum("Workshop", &[person, account.user]);
    let orders = sim.add_topic(forum, person, "Orders").unwrap();
    let returns = sim.add_topic(forum, person, "Возвраты").unwrap();
    sim.say_in_topic(person, forum, 1, "to everybody");
    sim.say_in_topic(person, forum, orders, "an order");
    sim.say_in_topic(person, forum, returns, "a return");
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Workshop").await;
    desk.until_message("a return", "received").await;
    assert_eq!(
        desk.texts("#topics .chip").await,
        ["All", "General", "Возвраты", "Orders"]
    );
    desk.until_text(".message .topic", "Orders").await;
    desk.until_text(".composer .where", "“General”").await;
    desk.assert_accessible("a forum").await;
    desk.screenshot("forum").await;

    // A reply to a message goes where that one stands.
    desk.js("[...document.querySelectorAll('.message')].find((one) => one.textContent.includes('a return')).querySelector('.reply-to').click()")
        .await;
    desk.until_text(".composer .where", "Возвраты").await;
    desk.keys("Escape").await;
    desk.until_text(".composer .where", "“General”").await;

    // One topic alone; what comes in another does not show, what comes in it does.
    desk.click_text("#topics .chip", "Orders").await;
    desk.until_message("an order", "received").await;
    desk.until(
        "nothing of the others",
        "document.querySelectorAll('.message').length === 1 && !document.querySelector('.message .topic')",
    )
    .await;
    desk.until_text(".composer .where", "Orders").await;
    desk.reply("it is packed").await;
    desk.until_message("it is packed", "sent").await;
    sim.say_in_topic(person, forum, returns, "another return");
    sim.say_in_topic(person, forum, orders, "another order");
    desk.until_message("another order", "received").await;
    let mut shown = desk.texts("#log .body").await;
    shown.sort();
    assert_eq!(shown, ["an order", "another order", "it is packed"]);

    // What is typed in a topic is kept there, also at Telegram; what the phone has in another is shown there.
    sim.type_topic_draft(account.user, forum, returns, "half a return")
        .unwrap();
    desk.js("const field = document.querySelector('#composer textarea'); field.value = 'half an order'; field.dispatchEvent(new Event('input', { bubbles: true }))")
        .await;
    let there = async || sim.topic_draft(account.user, forum, orders);
    wait::until("the draft at Telegram", there, |draft| {
        draft.as_deref() == Some("half an order")
    })
    .await;
    let field = "document.querySelector('#composer textarea').value";
    desk.click_text("#topics .chip", "Возвраты").await;
    desk.until("the phone's draft", &format!("{field} === 'half a return'"))
        .await;
    desk.click_text("#topics .chip", "Orders").await;
    desk.until("ours", &format!("{field} === 'half an order'"))
        .await;
    desk.click_text("#topics .chip", "All").await;
    desk.until("a field of its own", &format!("{field} === ''"))
        .await;
    desk.until_message("another return", "received").await;
    desk.until(
        "the reply in its topic",
        "[...document.querySelectorAll('.message.own')].some((one) => one.querySelector('.topic')?.textContent === 'Orders')",
    )
    .await;
    sim.add_topic(forum, person, "News").unwrap();
    desk.until_text("#topics .chip", "News").await;
    desk.close().await;

    let desk = Desk::open_with(fleet.address(), Look::PHONE).await;
    desk.choose("Workshop").await;
    desk.until_text("#topics .chip", "Orders").await;
    let small = "[...document.querySelectorAll('#topics .chip')].filter((one) => one.getBoundingClientRect().height < 44).length";
    assert_eq!(desk.js(small).await, 0);
    desk.assert_accessible("a forum on a phone").await;
    desk.screenshot("forum-phone").await;
    desk.close().await;
}
