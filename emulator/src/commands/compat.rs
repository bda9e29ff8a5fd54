//! `qapi/compat.json`.

use qapi_runtime::{InputPolicy, OutputPolicy, QmpError};

use crate::door::Door;
use crate::qapi::{CompatCommands, CompatPolicy, CompatPolicyInput, CompatPolicyOutput};

impl CompatCommands for Door {
    fn x_compat_set(&mut self, arguments: CompatPolicy) -> Result<(), QmpError> {
        let input = |choice| match choice {
            CompatPolicyInput::Accept => InputPolicy::Accept,
            CompatPolicyInput::Reject => InputPolicy::Reject,
            CompatPolicyInput::Crash => InputPolicy::Crash,
        };
        let output = |choice| match choice {
            CompatPolicyOutput::Accept => OutputPolicy::Accept,
            CompatPolicyOutput::Hide => OutputPolicy::Hide,
        };
        let mut policy = self.shared().policy();
        let CompatPolicy { deprecated_input, deprecated_output, unstable_input, unstable_output } =
            arguments;
        policy.deprecated_input = deprecated_input.map_or(policy.deprecated_input, input);
        policy.deprecated_output = deprecated_output.map_or(policy.deprecated_output, output);
        policy.unstable_input = unstable_input.map_or(policy.unstable_input, input);
        policy.unstable_output = unstable_output.map_or(policy.unstable_output, output);
        self.shared().set_policy(policy);
        Ok(())
    }
}
