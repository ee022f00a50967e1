//! Orders of an operator: each is carried out, and written into the audit log.

use super::answers::{Answer, json};
use super::audit::audit;
use super::door::{Asked, Door};
use super::fault::Fault;
use super::orders::{Authorize, KickOrder, Order, Publish};
use super::routes::Action;
use crate::authenticator::{Authorization, Request};
use crate::control::{self, Explained};
use hyper::StatusCode;
use serde_json::json;
use std::time::Instant;

/// What has been done, and in a few words for the audit log.
type Done = (Answer, String);

impl Door {
    /// Does what was asked.
    pub(super) async fn change(&self, asked: Asked) -> Result<Answer, Fault> {
        match asked.action {
            Action::SignIn => return self.sign_in(&asked).await,
            Action::SignOut => return Ok(self.sign_out(&asked)),
            _ => {}
        }
        let order = Order::parse(asked.action, &asked.body);
        let whom = order.as_ref().ok().and_then(Order::whom);
        let done = match order {
            Ok(order) => self.carry_out(order).await,
            Err(fault) => Err(fault),
        };
        let result = match &done {
            Ok((_, result)) => result.clone(),
            Err(fault) => fault.refused(),
        };
        let Some(who) = &asked.who else { return Err(Fault::new(StatusCode::UNAUTHORIZED, "sign in")) };
        audit(who, asked.caller, asked.action.word(), whom.as_deref(), &result);
        done.map(|(answer, _)| answer)
    }

    async fn carry_out(&self, order: Order) -> Result<Done, Fault> {
        let operator = &self.parts.operator;
        match order {
            Order::Publish(Publish { channel, content }) => {
                operator.lists().publish(&channel, content.get()).await.map_err(Fault::unserved)?;
                Ok((json(&json!({"published": true})), "published".to_owned()))
            }
            Order::Kick(KickOrder { whom, network }) => {
                let kicked = operator.kick(&whom, network).await.map_err(Fault::wrong)?;
                Ok((json(&kicked), format!("{} connections ended here", counted(kicked.connections))))
            }
            Order::Revoke(whom, lasting) => {
                let revoked = operator.revoke(whom, lasting).await.map_err(Fault::wrong)?;
                Ok((json(&revoked), format!("revoked, of {} connections here", counted(revoked.connections))))
            }
            Order::Lift(whom) => {
                let lifted = operator.lift(&whom).await.map_err(|why| Fault::new(StatusCode::NOT_FOUND, why))?;
                Ok((json(&lifted), "lifted".to_owned()))
            }
            Order::Authorize(authorize) => Ok(self.explain(authorize).await),
            Order::Reload(wants_new) => {
                let reloaded = control::ask_to_reload(&self.parts.reload, wants_new).await;
                let reloaded = reloaded.map_err(|why| Fault::new(StatusCode::CONFLICT, why))?;
                Ok((json(&reloaded), reloaded.outcome.clone()))
            }
        }
    }

    async fn explain(&self, authorize: Authorize) -> Done {
        let Authorize { authorization, address, channels } = authorize;
        let authenticator = &self.parts.authenticator;
        let request = Request {
            authorization: Authorization::new(authorization.0.as_bytes()),
            peer: address.unwrap_or_default(),
            encrypted: self.is_encrypted,
            again: false,
            recheck: false,
            attributes: Vec::new(),
        };
        let asked = Instant::now();
        let (verdict, entries) = authenticator.explain(request).await;
        let identity = authenticator.identity();
        let explained = Explained { authenticator: identity, verdict, entries, took: asked.elapsed() };
        (json(&explained.as_json(&channels)), explained.decision().to_owned())
    }
}

fn counted(count: Option<u64>) -> String {
    count.map_or_else(|| "an unknown number of".to_owned(), |count| count.to_string())
}
