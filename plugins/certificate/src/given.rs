//! Permissions as they add up over rules, and what could not be given.

use pusu_plugin_api::abi::PERMISSIONS_MAX;
use pusu_plugin_api::{Access, Permission};

/// Places of which the log says why nothing was given; a certificate may have many names.
const LEFT_OUT_MAX: usize = 8;

/// What a certificate is given.
#[derive(Default)]
pub(crate) struct Given {
    /// One a pattern. One more than a verdict may have shows that there are too many.
    pub(crate) permissions: Vec<Permission>,
    /// Patterns that could not be filled, and why.
    pub(crate) left_out: Vec<String>,
}

impl Given {
    /// Adds access to a pattern, to what there may be already.
    pub(crate) fn add(&mut self, access: Access, pattern: String) {
        let is_full = self.permissions.len() > PERMISSIONS_MAX;
        match self.permissions.iter_mut().find(|permission| permission.pattern == pattern) {
            Some(both) if !both.access.includes(access) => both.access = Access::READ_WRITE,
            Some(_) => {}
            None if is_full => {}
            None => self.permissions.push(Permission::new(access, pattern)),
        }
    }

    /// Something was not given, for this reason.
    pub(crate) fn leave_out(&mut self, why: String) {
        if self.left_out.len() < LEFT_OUT_MAX && !self.left_out.contains(&why) {
            self.left_out.push(why);
        }
    }
}
