//! Forum: the topics of a supergroup, and the threads of a channel's direct messages (a monoforum).

use std::collections::BTreeMap;

use super::{
    Refusal, World, bad,
    chats::Channel,
    forbidden,
    ids::ChatRef,
    message::{Action, Draft},
    topics::{GENERAL, Order, Spot, Topic},
};

impl Channel {
    pub fn is_forum(&self) -> bool {
        matches!(self.order, Order::Forum(_))
    }

    /// Whose direct messages it has.
    pub fn monoforum_of(&self) -> Option<i64> {
        match self.order {
            Order::Monoforum(of) => Some(of),
            Order::Plain | Order::Forum(_) => None,
        }
    }

    pub fn topic(&self, id: i32) -> Option<&Topic> {
        match &self.order {
            Order::Forum(topics) => topics.get(&id),
            Order::Plain | Order::Monoforum(_) => None,
        }
    }

    /// All but General, newest first.
    pub fn topic_ids(&self) -> Vec<i32> {
        match &self.order {
            Order::Forum(topics) => topics.keys().rev().copied().collect(),
            Order::Plain | Order::Monoforum(_) => Vec::new(),
        }
    }

    fn topics_mut(&mut self) -> Option<&mut BTreeMap<i32, Topic>> {
        match &mut self.order {
            Order::Forum(topics) => Some(topics),
            Order::Plain | Order::Monoforum(_) => None,
        }
    }
}

impl World {
    pub fn make_forum(&mut self, channel: i64) {
        if let Some(channel) = self.channels.get_mut(&channel) {
            channel.order = Order::Forum(BTreeMap::new());
        }
    }

    /// A new topic; its first message says so and gives it its number.
    pub fn add_topic(&mut self, channel: i64, by: i64, title: &str) -> Result<i32, Refusal> {
        let forum = self.channels.get(&channel).filter(|one| one.is_forum());
        let Some(forum) = forum else {
            return Err(bad("CHANNEL_FORUM_MISSING"));
        };
        let id = forum.top_id() + 1;
        let draft = Draft {
            action: Some(Action::TopicCreated {
                title: title.to_owned(),
            }),
            spot: Spot {
                topic: id,
                thread: 0,
            },
            ..Draft::default()
        };
        let posted = self.post(by, ChatRef::Channel(channel), draft, None);
        let topic = Topic {
            title: title.to_owned(),
            closed: false,
        };
        self.channels
            .get_mut(&channel)
            .and_then(Channel::topics_mut)
            .map(|topics| topics.insert(posted.id, topic));
        Ok(posted.id)
    }

    /// A topic that began before anything that is told of its forum; its number is that of a message there.
    pub fn add_old_topic(&mut self, channel: i64, id: i32, title: &str) -> Result<(), Refusal> {
        let topic = Topic {
            title: title.to_owned(),
            closed: false,
        };
        let forum = self.channels.get_mut(&channel);
        let topics = forum.and_then(Channel::topics_mut);
        let topics = topics.ok_or_else(|| bad("CHANNEL_FORUM_MISSING"))?;
        topics.insert(id, topic);
        Ok(())
    }

    pub fn close_topic(&mut self, channel: i64, id: i32) -> Result<(), Refusal> {
        let topics = self
            .channels
            .get_mut(&channel)
            .and_then(Channel::topics_mut);
        topics
            .and_then(|topics| topics.get_mut(&id))
            .map(|topic| topic.closed = true)
            .ok_or_else(|| bad("TOPIC_ID_INVALID"))
    }

    /// Opens a channel's direct messages, as its creator has them.
    pub fn add_monoforum(&mut self, of: i64) -> Result<i64, Refusal> {
        let Some(channel) = self.channels.get(&of).filter(|channel| channel.broadcast) else {
            return Err(bad("CHANNEL_INVALID"));
        };
        let (title, creator) = (channel.title.clone(), channel.creator);
        let id = self.add_channel(&title, None, false, creator, &[]);
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.order = Order::Monoforum(of);
        }
        Ok(id)
    }

    /// The spot that a message gets which names this topic beside what it answers, or only answers something.
    pub fn topic_spot(
        &self,
        by: i64,
        channel: &Channel,
        topic: Option<i32>,
        answers: i32,
    ) -> Result<Spot, Refusal> {
        // Whoever answers a topic's first message writes in it; any other answer without a topic is in General.
        let topic = topic
            .or_else(|| channel.topic(answers).map(|_| answers))
            .filter(|topic| *topic != GENERAL);
        let Some(topic) = topic else {
            return Ok(Spot::default());
        };
        let found = channel.topic(topic).ok_or_else(|| bad("TOPIC_DELETED"))?;
        if found.closed && channel.creator != by {
            return Err(forbidden("TOPIC_CLOSED"));
        }
        Ok(Spot { topic, thread: 0 })
    }
}
