//! Containers of jobs and endpoints, really run.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// How the containers that a request describes are run on this machine.
#[derive(Clone, Debug)]
pub enum Containers {
    /// By a local program in place of every image.
    Program(PathBuf),
    /// By the program that the container's command names, from this folder.
    Folder(PathBuf),
    /// From their images, by the docker engine.
    Docker,
}

impl Containers {
    /// The command that runs `container` (a `ContainerSpec`, `ModelContainerSpec`) with nothing but
    /// `env` in its environment. In docker it is called `name` and sees `folder` where it is here.
    pub(super) fn command(
        &self,
        container: &Value,
        env: &[(String, String)],
        name: &str,
        folder: Option<&Path>,
    ) -> Command {
        let words = |field: &str| container[field].as_array().cloned().unwrap_or_default();
        let words: Vec<String> = [words("command"), words("args")]
            .concat()
            .iter()
            .map(text)
            .collect();
        let (program, args) = words
            .split_first()
            .map_or(("", &[][..]), |(program, args)| {
                (program.trim_start_matches('/'), args)
            });
        let mut command = match self {
            Self::Program(path) => Command::new(path),
            Self::Folder(folder) => Command::new(folder.join(program)),
            Self::Docker => {
                let mut docker = Command::new("docker");
                docker.args(["run", "--rm", "--network", "host", "--name", name]);
                if let Some(folder) = folder {
                    let folder = folder.display();
                    docker.args(["--volume", &format!("{folder}:{folder}")]);
                }
                for (name, value) in env {
                    docker.args(["--env", &format!("{name}={value}")]);
                }
                docker.args(["--entrypoint", "", &text(&container["imageUri"])]);
                docker.arg(format!("/{program}")).args(args);
                return docker;
            }
        };
        command
            .env_clear()
            .args(args)
            .envs(env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Ends the container called `name`, if there is one: ending the client does not.
    pub(super) fn end(&self, name: &str) {
        if let Self::Docker = self {
            let _gone_or_not = Command::new("docker")
                .args(["rm", "--force", name])
                .output();
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_engine_gets_what_the_request_says() {
        let container = json!({
            "imageUri": "registry/train:1", "command": ["/train"], "args": ["--seed", "7"],
        });
        let env = [("AIP_MODEL_DIR".to_owned(), "gs://b/model/".to_owned())];
        let folder = Some(Path::new("/tmp/x"));
        let command = Containers::Docker.command(&container, &env, "job-1", folder);
        let said: Vec<_> = command
            .get_args()
            .map(|arg| arg.to_str().unwrap_or_default())
            .collect();
        assert_eq!(
            said.join(" "),
            "run --rm --network host --name job-1 --volume /tmp/x:/tmp/x \
             --env AIP_MODEL_DIR=gs://b/model/ --entrypoint  registry/train:1 /train --seed 7"
        );
        let programs = Containers::Folder("/programs".into());
        let command = programs.command(&container, &env, "job-1", folder);
        assert_eq!(command.get_program(), "/programs/train");
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["--seed", "7"]);
    }
}
