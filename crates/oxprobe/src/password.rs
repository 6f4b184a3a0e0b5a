//! Where a password comes from: an environment variable or the terminal, never the command line.

use oxwire::core::SecretString;

/// Reads the password of `address`.
///
/// # Errors
/// What to tell the user; never the password.
pub(crate) fn read(variable: Option<&str>, address: &str) -> Result<SecretString, String> {
    let password = match variable {
        Some(variable) => match std::env::var(variable) {
            Ok(password) => SecretString::new(password),
            Err(std::env::VarError::NotPresent) => return Err(format!("--password-env {variable}: it is not set")),
            // Not the error's own text: it would print the value.
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(format!("--password-env {variable}: its value is not UTF-8"));
            }
        },
        None => {
            rpassword::prompt_password(format!("Password of {address}: ")).map(SecretString::new).map_err(|error| {
                format!(
                    "no terminal to ask for the password ({error}); name an environment variable with --password-env"
                )
            })?
        }
    };
    if password.expose().is_empty() {
        return Err("the password is empty".to_owned());
    }
    Ok(password)
}
