//! What a command handler is given.

use std::marker::PhantomData;

/// What a command on keys is given.
pub struct KeyCtx<'a>(PhantomData<&'a ()>);
/// What a command on the server is given.
pub struct ServerCtx<'a>(PhantomData<&'a ()>);
/// The error line of a command that replied nothing.
pub struct CommandError;
/// What a handler returns.
pub type CommandResult = Result<(), CommandError>;
