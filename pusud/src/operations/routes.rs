//! The table of paths: which question stands at which, and who may ask it.

use super::role::Role;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody, by any name: probes know addresses alone, and are told little.
    Probe,
    /// Everybody, by a name of the relay's: a stranger's page gets no figures of a relay that its visitor can reach.
    Open,
    /// Whoever has a token and shows it here.
    SignIn,
    /// Whoever has this role.
    Of(Role),
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Metrics,
    Livez,
    Readyz,
    Status,
    Live,
    Clients,
    Client,
    Channels,
    Channel,
    History,
    Tail,
    Revocations,
    Decisions,
    Settings,
    Session,
    SignIn,
    SignOut,
    Publish,
    Kick,
    Revoke,
    Lift,
    Authorize,
    Reload,
}

/// One row of the table.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) action: Action,
}

impl Route {
    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        self.method != "GET"
    }
}

const fn get(path: &'static str, access: Access, action: Action) -> Route {
    Route { method: "GET", path, access, action }
}

const fn post(path: &'static str, access: Access, action: Action) -> Route {
    Route { method: "POST", path, access, action }
}

const READ: Access = Access::Of(Role::Read);
const OPERATE: Access = Access::Of(Role::Operate);

/// The table. docs/operations-api.md has its rows.
pub(super) const ROUTES: &[Route] = &[
    get("/metrics", Access::Open, Action::Metrics),
    get("/livez", Access::Probe, Action::Livez),
    get("/readyz", Access::Probe, Action::Readyz),
    post("/api/v1/session", Access::SignIn, Action::SignIn),
    get("/api/v1/session", READ, Action::Session),
    Route { method: "DELETE", path: "/api/v1/session", access: READ, action: Action::SignOut },
    get("/api/v1/status", READ, Action::Status),
    get("/api/v1/live", READ, Action::Live),
    get("/api/v1/clients", READ, Action::Clients),
    get("/api/v1/client", READ, Action::Client),
    get("/api/v1/channels", READ, Action::Channels),
    get("/api/v1/channel", READ, Action::Channel),
    get("/api/v1/history", READ, Action::History),
    get("/api/v1/tail", READ, Action::Tail),
    post("/api/v1/publish", OPERATE, Action::Publish),
    post("/api/v1/kick", OPERATE, Action::Kick),
    post("/api/v1/revoke", OPERATE, Action::Revoke),
    post("/api/v1/lift", OPERATE, Action::Lift),
    get("/api/v1/revocations", READ, Action::Revocations),
    post("/api/v1/authorize", READ, Action::Authorize),
    get("/api/v1/decisions", READ, Action::Decisions),
    get("/api/v1/settings", READ, Action::Settings),
    post("/api/v1/reload", OPERATE, Action::Reload),
];

/// Where the JSON interface begins.
pub(super) const INTERFACE: &str = "/api/";

/// The rows of a path.
pub(super) fn at(path: &str) -> Vec<&'static Route> {
    ROUTES.iter().filter(|route| route.path == path).collect()
}

/// The methods of these rows, for the header Allow.
pub(super) fn methods(routes: &[&Route]) -> String {
    let mut methods = Vec::new();
    for route in routes {
        methods.push(route.method);
        if route.method == "GET" {
            methods.push("HEAD");
        }
    }
    methods.join(", ")
}

impl Action {
    /// What it is called in the audit log.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::SignIn => "sign in",
            Self::SignOut => "sign out",
            Self::Publish => "publish",
            Self::Kick => "kick",
            Self::Revoke => "revoke",
            Self::Lift => "lift a revocation",
            Self::Authorize => "try an authorization",
            Self::Reload => "reload",
            Self::History => "show kept messages",
            Self::Tail => "tail",
            _ => "look",
        }
    }
}
