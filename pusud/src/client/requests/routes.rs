//! Routes: which paths there are, who may ask for them how, and the answers that need no more than that.

use super::{Answer, CrossOrigin, Request, Requests, Then};
use crate::http::{self, Health, Method};
use crate::hub::Stage;
use crate::protocol::Refusal;

/// The paths that the settings have switched on, besides those that are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paths {
    /// `/publish`, and `/publish/CHANNEL`.
    pub publish: bool,
    /// `/events`.
    pub events: bool,
    /// `/history/CHANNEL`.
    pub history: bool,
}

/// What a path stands for.
enum Route<'a> {
    Page,
    Health,
    PublishMany,
    /// To this channel, with its escapes.
    Publish(&'a str),
    Events,
    /// Of this channel, with its escapes.
    History(&'a str),
}

impl Route<'_> {
    fn of(path: &str, paths: Paths) -> Option<Route<'_>> {
        match path {
            "/" => Some(Route::Page),
            "/healthz" => Some(Route::Health),
            "/publish" if paths.publish => Some(Route::PublishMany),
            "/events" if paths.events => Some(Route::Events),
            other => {
                let below = |prefix, is_on| other.strip_prefix(prefix).filter(|_| is_on);
                let publish = below("/publish/", paths.publish).map(Route::Publish);
                publish.or_else(|| below("/history/", paths.history).map(Route::History))
            }
        }
    }

    /// The methods besides OPTIONS.
    fn methods(&self) -> &'static [Method] {
        match self {
            Self::Page | Self::Health | Self::History(_) => &[Method::Get, Method::Head],
            Self::Publish(_) | Self::PublishMany => &[Method::Post],
            Self::Events => &[Method::Get],
        }
    }

    /// Them in a header.
    fn allow(&self) -> &'static str {
        match self {
            Self::Page | Self::Health | Self::History(_) => "GET, HEAD, OPTIONS",
            Self::Publish(_) | Self::PublishMany => "POST, OPTIONS",
            Self::Events => "GET, OPTIONS",
        }
    }

    /// Whether pages of other origins have to be allowed to ask for it.
    fn is_for_pages(&self) -> bool {
        matches!(self, Self::Publish(_) | Self::PublishMany | Self::Events | Self::History(_))
    }
}

impl Requests<'_> {
    /// Answers one request.
    pub(super) async fn answer(&mut self, request: &Request) -> Then {
        self.outbox.reach(Stage::Answer);
        self.turn_bytes += request.head_len();
        let paths = self.context.paths;
        let Some(route) = Route::of(request.path(), paths) else {
            return self.respond_early(request, &CrossOrigin::None, &not_found(paths)).await;
        };
        let mut origin = CrossOrigin::None;
        if route.is_for_pages() {
            origin = CrossOrigin::of(request.origin(), &self.context.limits.allowed_origins);
            if origin == CrossOrigin::Refused {
                self.context.hub.count_refusal(Refusal::AllowedOrigins);
                let answer = Answer::problem(403, "Pages of this origin may not use this relay.");
                return self.respond_early(request, &origin, &answer).await;
            }
        }
        if request.method == Method::Options {
            let answer = Answer::empty(204).with(format!("Allow: {}\r\n", route.allow()));
            let answer = if route.is_for_pages() { answer.with(http::preflight(route.allow())) } else { answer };
            return self.respond_early(request, &origin, &answer).await;
        }
        if !route.methods().contains(&request.method) {
            let answer = Answer::problem(405, "The path knows other methods: the header Allow lists them.");
            let answer = answer.with(format!("Allow: {}\r\n", route.allow()));
            return self.respond_early(request, &origin, &answer).await;
        }
        match route {
            Route::Page if request.offers_upgrade => {
                let answer = Answer::problem(426, "The only protocol to upgrade to here is WebSocket, version 13.");
                let answer = answer.with("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: Upgrade\r\n");
                self.respond_early(request, &origin, &answer).await
            }
            Route::Page => self.respond_early(request, &origin, &page(paths)).await,
            Route::Health => {
                let health = self.health().answer();
                self.respond_early(request, &origin, &health).await
            }
            Route::Publish(channel) => self.publish_one(request, &origin, channel).await,
            Route::PublishMany => self.publish_many(request, &origin).await,
            Route::Events => self.listen(request, &origin).await,
            Route::History(channel) => self.answer_history(request, &origin, channel).await,
        }
    }

    /// The answer to a request, if it is a health check.
    pub(super) fn health_check(&self, request: &Request) -> Option<Answer> {
        let route = Route::of(request.path(), self.context.paths)?;
        let is_check = matches!(route, Route::Health) && route.methods().contains(&request.method);
        is_check.then(|| self.health().answer())
    }

    fn health(&self) -> Health {
        if self.context.is_draining.get() {
            Health::Draining
        } else if !self.context.authenticator.ready() {
            Health::Undecided
        } else {
            Health::Serving
        }
    }
}

/// A text for people who have come here with a browser.
fn page(paths: Paths) -> Answer {
    let mut text =
        "This is a PuSu Engine relay: it passes messages on, as they come, to everybody who listens to their \
                    channels.\n\nClients connect with WebSocket (RFC 6455, version 13), on any path of this port.\n"
            .to_owned();
    if paths.publish {
        text.push_str("POST /publish/CHANNEL publishes the body.\n");
    }
    if paths.events {
        text.push_str("GET /events?channel=NAME streams what is published (Server-Sent Events).\n");
    }
    if paths.history {
        text.push_str("GET /history/CHANNEL?last=COUNT has what was published last, where the relay keeps it.\n");
    }
    text.push_str("GET /healthz says whether new clients are served.\n");
    Answer::new(200, http::TEXT, text.into_bytes())
}

fn not_found(paths: Paths) -> Answer {
    let mut known = vec!["/", "/healthz"];
    if paths.publish {
        known.extend(["/publish", "/publish/CHANNEL"]);
    }
    if paths.events {
        known.push("/events");
    }
    if paths.history {
        known.push("/history/CHANNEL");
    }
    let detail = format!("There is nothing here; the paths are {}, and any for a WebSocket.", known.join(", "));
    Answer::problem(404, &detail)
}
