//! The task that reads the log and moves the nodes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use fred::error::{Error, ErrorKind};
use larder_core::{Clock as _, Moment, Node, Position};

use super::Shared;
use super::contact::Contact;
use super::course::{Course, Verdict};
use super::log::{Page, marked, page};
use super::nodes::News;
use super::place::Place;
use crate::counters::bump;
use crate::link::Link;
use crate::recipe::Recipe;
use crate::tuning::BLOCK;

/// The shortest and the longest pause before the next connection.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(100)];

/// Reads the log from its own cursor, over a connection that it replaces at the first failure.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    recipe: Recipe,
    contact: Contact,
    course: Course,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, recipe: Recipe, window: Duration) -> Self {
        let longest = recipe.tuning().timeout + BLOCK;
        Self {
            contact: Contact::new(longest, window),
            shared,
            recipe,
            course: Course::default(),
        }
    }

    pub(crate) async fn run(mut self) {
        let mut pause = PAUSES[0];
        loop {
            let error = match Link::open(&self.recipe).await {
                Ok(link) => {
                    bump(&self.shared.figures.connects);
                    let (error, answered) = self.follow(&link).await;
                    if answered {
                        pause = PAUSES[0];
                    }
                    error
                }
                Err(error) => error,
            };
            self.missed(&error);
            self.shared.clock.sleep(pause).await;
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    /// Reads until something fails; returns what, and whether anything was answered.
    async fn follow(&mut self, link: &Link) -> (Error, bool) {
        let mut answered = false;
        loop {
            match self.turn(link).await {
                Ok(()) => answered = true,
                Err(error) => return (error, answered),
            }
        }
    }

    async fn turn(&mut self, link: &Link) -> Result<(), Error> {
        if self.course.log.is_some() && self.shared.nodes.any_new() {
            // The log is read once more, for the nodes that have come.
            self.course.cursor = Place::ZERO;
            self.shared.nodes.replay();
        }
        let block = (!self.shared.nodes.any_replaying()).then_some(BLOCK);
        let sent = self.shared.clock.now();
        let nodes = self.shared.nodes.now();
        let answers = link
            .send(self.shared.log.read(self.course.cursor, block))
            .await;
        let page = page(answers)?;
        let in_time = self.is_in_time(sent, &page);
        bump(&self.shared.figures.polls);
        match self.course.judge(&page, self.shared.nodes.any_begun()) {
            Verdict::Misled => {
                return Err(Error::new(ErrorKind::Unknown, "the server is a replica"));
            }
            Verdict::Absent => {
                self.answered(sent, &[], false);
                return link.send_all(self.shared.log.begin()).await;
            }
            Verdict::WentBack => {
                // Entries that are stamped above its head would outlive what is placed there next.
                self.answered(sent, &[], false);
                return link.send_all(self.shared.log.begin_anew()).await;
            }
            Verdict::Gap(incarnation) => {
                let lowered = page.head < self.course.followed;
                self.gap(incarnation, page.head)?;
                self.answered(sent, &[], false);
                if lowered {
                    // What changed on the lost end counts as changed until positions are higher.
                    return link.send_all(vec![self.shared.log.mark()]).await;
                }
            }
            Verdict::Follows { log, holed } => {
                let to_end = self.take(log, &page, holed)?;
                if let Some(refused) = page.refused {
                    // What others have written waits for the log as well.
                    return Err(refused);
                }
                self.draw_a_line(link, sent).await?;
                if in_time {
                    self.answered(sent, &nodes, to_end);
                } else {
                    self.missed(&Error::new(ErrorKind::Timeout, "the log was answered late"));
                    self.shared.publisher.heard_elsewhere();
                }
            }
        }
        Ok(())
    }

    /// Tells whether a publisher would have waited for an answer that took so long, and for another one: what it gives
    /// up is not vouched for.
    ///
    /// A read that finds something may have been held back as well, for nobody knows how long.
    fn is_in_time(&self, sent: Moment, page: &Page) -> bool {
        let held_back = if page.entries.is_empty() {
            BLOCK
        } else {
            Duration::ZERO
        };
        let took = self.shared.clock.now().since(sent);
        took <= self.recipe.tuning().patience * 3 / 4 + held_back
    }

    /// When the window behind a long silence is over, makes all of before invalid.
    ///
    /// A node that died in the silence took along what it could not say, and nobody else tells. Entries had to die in
    /// a silence of this length anyway.
    async fn draw_a_line(&mut self, link: &Link, sent: Moment) -> Result<(), Error> {
        let bound = self.shared.nodes.max_staleness();
        let Some(bound) = bound.filter(|_| self.contact.counts(sent)) else {
            return Ok(());
        };
        if self.contact.silence() > bound {
            let place = marked(link.send(vec![self.shared.log.mark()]).await)?;
            self.shared.nodes.outdate(position(place)?);
            self.contact.line_drawn();
        }
        Ok(())
    }

    /// Brings the nodes that have begun to a log of which they may have missed something.
    fn gap(&mut self, incarnation: u64, head: Place) -> Result<(), Error> {
        let position = position(head)?;
        let first = self.course.log.is_none();
        self.course = Course::at(incarnation, head);
        self.shared.nodes.adopt(incarnation, position);
        self.shared.read_to.store(position.get(), Ordering::Release);
        if self.shared.nodes.any_begun() {
            self.shared.adopted.store(incarnation, Ordering::Release);
        }
        if !first {
            bump(&self.shared.figures.gaps);
            tracing::warn!("changes may have been missed: what was kept before is invalid");
        }
        Ok(())
    }

    /// Takes over what was read; tells whether that is all there was.
    fn take(&mut self, log: u64, page: &Page, holed: bool) -> Result<bool, Error> {
        if holed {
            self.shared.nodes.holed();
        }
        self.course.note(page);
        for entry in &page.entries {
            let own = entry.origin.as_ref() == Some(&self.shared.origin);
            let replayed = entry.place <= self.course.followed;
            self.shared.nodes.read(News {
                log,
                place: entry.place,
                position: position(entry.place)?,
                changes: &entry.changes,
                own,
                replayed,
            });
            self.course.cursor = entry.place;
            if !replayed {
                self.count(own, entry.place);
            }
        }
        if self.course.cursor > self.course.followed {
            self.course.followed = self.course.cursor;
            let position = position(self.course.cursor)?;
            self.shared.nodes.advance(log, position);
            self.shared.read_to.store(position.get(), Ordering::Release);
        }
        if page.full {
            return Ok(false);
        }
        self.end(log, page)
    }

    /// A read found no more: nodes that have read the whole log begin. Tells whether it is the end.
    fn end(&mut self, log: u64, page: &Page) -> Result<bool, Error> {
        if !self.shared.nodes.any_replaying() {
            return Ok(true);
        }
        if self.course.cursor == Place::ZERO && page.first.is_some() {
            // An entry came right after the read: it has to be read first.
            return Ok(false);
        }
        // Higher than the last entry where entries were removed from the end.
        self.course.cursor = self.course.cursor.max(self.course.followed);
        self.shared.nodes.begin(log, position(self.course.cursor)?);
        self.shared.adopted.store(log, Ordering::Release);
        Ok(true)
    }

    fn count(&self, own: bool, place: Place) {
        let figures = &self.shared.figures;
        bump(if own { &figures.own } else { &figures.foreign });
        if !own {
            let placed = SystemTime::UNIX_EPOCH + Duration::from_millis(place.millis());
            let now = self.shared.clock.wall();
            figures.lag(now.duration_since(placed).unwrap_or_default());
        }
    }

    /// A read sent at `sent`, on the nodes' clocks at `nodes`, was answered.
    fn answered(&mut self, sent: Moment, nodes: &[(Arc<Node>, Moment)], to_end: bool) {
        let shared = &self.shared;
        if self.contact.answered(sent, shared.clock.now()) {
            bump(&shared.figures.windows);
            shared.figures.recovering.store(true, Ordering::Relaxed);
            tracing::warn!("the bus answers: it is trusted again after the recovery window");
        }
        let counts = to_end && self.contact.counts(sent);
        shared.figures.answered(sent, counts);
        if counts {
            shared.figures.recovering.store(false, Ordering::Relaxed);
            nodes.iter().for_each(|(node, sent)| node.set_heard(*sent));
        }
        shared.publisher.heard_elsewhere();
    }

    fn missed(&mut self, error: &Error) {
        let figures = &self.shared.figures;
        bump(&figures.missed);
        figures.note_error(error);
        if self.contact.missed() {
            figures.recovering.store(false, Ordering::Relaxed);
            let error = error.to_string();
            tracing::warn!(
                error,
                "the bus is silent: entries live by the time of their load"
            );
        }
    }
}

fn position(place: Place) -> Result<Position, Error> {
    let unfit = "the log has ids that do not fit a position: remove the stream";
    place
        .position()
        .ok_or_else(|| Error::new(ErrorKind::Protocol, unfit))
}
