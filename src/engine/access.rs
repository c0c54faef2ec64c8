//! Who a client is, and what that user may do.

use crate::acl::{Context, DEFAULT, Denied, Entry, Reason, Request, User, Users, user_of};
use crate::config::AclPubsubDefault;

use super::Engine;
use super::clients::{ClientKey, SessionGates};
use super::pubsub::Scope;

/// Refusals, counted for INFO.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusals {
    /// Wrong names and passwords.
    pub auth: u64,
    /// Commands.
    pub command: u64,
    /// Keys.
    pub key: u64,
    /// Channels.
    pub channel: u64,
    /// Databases.
    pub database: u64,
}

impl Engine {
    /// Whether new users get every channel.
    pub fn grants_channels(&self) -> bool {
        self.config.acl_pubsub_default == AclPubsubDefault::Allchannels
    }

    /// Takes the users from the configuration: its lines or its file, and `requirepass`.
    ///
    /// # Errors
    /// What is wrong with a line or the file.
    pub fn load_users(&mut self) -> Result<(), String> {
        let lines = std::mem::take(&mut self.config.users);
        let all_channels = self.grants_channels();
        for line in &lines {
            let Some((name, rules)) = line.words.split_first() else {
                continue;
            };
            // Rules in one pair of quotes with the name would make a user that nobody meant, and
            // leave the one that was meant as open as it was.
            if name.iter().any(|byte| matches!(byte, b' ' | 0)) {
                return Err("Spaces not allowed in ACL usernames".to_owned());
            }
            let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
            self.users
                .insert(user_of(name, &rules, &self.registry, all_channels)?);
        }
        self.config.users = lines;
        if !self.config.aclfile.is_empty() {
            self.users = self.read_users()?;
        }
        if !self.config.requirepass.is_empty() {
            self.apply_requirepass();
        }
        Ok(())
    }

    /// Reads the file of users.
    ///
    /// # Errors
    /// It cannot be read, or what is wrong with it.
    pub fn read_users(&mut self) -> Result<Users, String> {
        let path = self.config.aclfile.clone();
        let text = self
            .machine
            .read_config(&path)
            .map_err(|error| format!("Error loading ACLs, opening file '{path}': {error}"))?;
        Users::parse(&text, &path, &self.registry, self.grants_channels())
    }

    /// `requirepass` is the password of the default user.
    pub fn apply_requirepass(&mut self) {
        let password = self.config.requirepass.clone();
        if let Some(mut user) = self.users.find(DEFAULT).cloned() {
            user.set_password((!password.is_empty()).then_some(&password));
            self.users.insert(user);
        }
    }

    /// Makes a client the default user: when it connects, and after RESET.
    pub fn begin_session(&mut self, key: ClientKey) {
        let user = self.users.find(DEFAULT);
        let is_known = user.is_some_and(|user| user.is_on && user.is_open);
        self.become_user(key, DEFAULT);
        if let Some(client) = self.clients.find_mut(key) {
            client.gates.set(SessionGates::UNAUTHENTICATED, !is_known);
        }
    }

    /// Makes a client a user.
    pub fn become_user(&mut self, key: ClientKey, name: &[u8]) {
        let user = self.users.find(name);
        let is_restricted = user.is_none_or(|user| !user.is_unrestricted());
        if let Some(client) = self.clients.find_mut(key) {
            if *client.about.user != *name {
                client.about.user = name.into();
            }
            client.gates.set(SessionGates::UNAUTHENTICATED, false);
            client.gates.set(SessionGates::RESTRICTED, is_restricted);
        }
    }

    /// A user was changed or removed: its clients are held to what it may do now. Those that are
    /// subscribed to what they no longer may end, and all of them if there is no such user.
    pub fn user_changed(&mut self, name: &[u8]) {
        let is_his = |client: &&super::clients::Client| *client.about.user == *name;
        let clients: Vec<ClientKey> = self.clients.iter().filter(is_his).map(|c| c.key).collect();
        let user = self.users.find(name).cloned();
        for key in clients {
            let Some(user) = &user else {
                self.end_session(key);
                continue;
            };
            if let Some(client) = self.clients.find_mut(key) {
                let is_restricted = !user.is_unrestricted();
                client.gates.set(SessionGates::RESTRICTED, is_restricted);
            }
            if self.listens_beyond(key, user) {
                self.end_session(key);
            }
        }
    }

    /// Ends a connection, the running one after its reply.
    fn end_session(&mut self, key: ClientKey) {
        if self.running == Some(key) {
            self.close(key, super::clients::Closing::AfterFlush);
        } else {
            self.kill(key);
        }
    }

    fn listens_beyond(&self, key: ClientKey, user: &User) -> bool {
        let beyond = |scope, is_pattern| {
            let names = self.subscriptions_of(key, scope);
            names
                .iter()
                .any(|name| !user.allows_channel(name, is_pattern))
        };
        beyond(Scope::Channel, false) || beyond(Scope::Pattern, true) || beyond(Scope::Shard, false)
    }

    /// Whether a restricted client's user allows a command.
    ///
    /// # Errors
    /// What is denied.
    pub fn check_user(&self, key: ClientKey, request: &Request<'_>) -> Result<(), Denied> {
        let Some(client) = self.clients.find(key) else {
            return Err(Denied::Command);
        };
        match self.users.find(&client.about.user) {
            Some(user) => user.check(request),
            None => Err(Denied::Command),
        }
    }

    /// Notes a refusal in the log of access control; `client` is what CLIENT LIST says.
    pub fn note_refusal(
        &mut self,
        (reason, object): (Reason, Vec<u8>),
        context: Context,
        user: Vec<u8>,
        client: Vec<u8>,
    ) {
        let counter = match reason {
            Reason::Auth => &mut self.refusals.auth,
            Reason::Command => &mut self.refusals.command,
            Reason::Key => &mut self.refusals.key,
            Reason::Channel => &mut self.refusals.channel,
            Reason::Database => &mut self.refusals.database,
        };
        *counter += 1;
        let now_ms = self.now.unix_ms;
        let entry = Entry {
            id: 0,
            count: 1,
            reason,
            context,
            object,
            user,
            client,
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        self.acl_log.add(entry, self.config.acllog_max_len as usize);
    }
}
