//! Jobs of Vertex AI that run the image of `train`.

use gcp::vertex::{
    ContainerSpec, EnvVar, GcsDestination, JobSpec, MachineSpec, Scheduling, WorkerPool,
};
use storage::Uri;

use crate::{Error, JobArgs};

/// A machine that trains this long is ample for a dense network.
const MACHINE_TYPE: &str = "n1-standard-4";

/// What machines are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Provisioning {
    /// Machines that stay.
    Standard,
    /// Cheaper machines that may be taken away.
    Spot,
    /// Machines when they are free, up to --queue-timeout from now.
    FlexStart,
}

/// A job that runs the image of `train`, or many.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Google Cloud")]
pub struct TrainingArgs {
    /// The job itself.
    #[command(flatten)]
    pub job: JobArgs,
    /// Image of `train`, in Artifact Registry [default for train: `COMPONENT_IMAGE`]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Accelerator, for example `NVIDIA_TESLA_T4`; the program makes no use of one yet
    #[arg(long, value_name = "TYPE", requires = "accelerator_count")]
    pub accelerator_type: Option<String>,
    /// Accelerators of a machine
    #[arg(long, value_name = "N", requires = "accelerator_type")]
    pub accelerator_count: Option<u32>,
    /// What machines are asked for
    #[arg(long, value_name = "HOW", default_value = "standard")]
    pub provisioning: Provisioning,
    /// `TensorBoard` of Vertex AI that shows the learning curves; needs --service-account
    #[arg(long, value_name = "projects/…/tensorboards/ID")]
    pub tensorboard: Option<String>,
}

/// The image given, or the one this program runs in, as the pipeline tells it.
pub fn own_image(given: Option<&str>) -> Result<String, Error> {
    let set = |image: &String| !image.is_empty();
    let given = given.map(str::to_owned).filter(set);
    let own = || std::env::var("COMPONENT_IMAGE").ok().filter(set);
    given.or_else(own).ok_or(Error::Missing { flag: "--image" })
}

impl TrainingArgs {
    /// The image given.
    pub fn image(&self) -> Result<&str, Error> {
        let image = self.image.as_deref().filter(|image| !image.is_empty());
        image.ok_or(Error::Missing { flag: "--image" })
    }

    /// The image given, or the one this program runs in, as the pipeline tells it.
    pub fn own_image(&self) -> Result<String, Error> {
        own_image(self.image.as_deref())
    }

    /// What runs: `train` with these arguments, on one machine, its files below `output`.
    pub fn job_spec(&self, image: &str, args: Vec<String>, output: &Uri) -> JobSpec {
        let folder = output.to_string();
        JobSpec {
            worker_pool_specs: vec![WorkerPool {
                machine_spec: MachineSpec {
                    machine_type: self
                        .job
                        .machine_type
                        .clone()
                        .unwrap_or_else(|| MACHINE_TYPE.to_owned()),
                    accelerator_type: self.accelerator_type.clone(),
                    accelerator_count: self.accelerator_count,
                },
                replica_count: 1,
                disk_spec: None,
                container_spec: ContainerSpec {
                    image_uri: image.to_owned(),
                    // The images have no entry point.
                    command: vec!["/train".to_owned()],
                    args,
                    env: vec![EnvVar {
                        name: "COMPONENT_IMAGE".to_owned(),
                        value: image.to_owned(),
                    }],
                },
            }],
            scheduling: Some(self.scheduling()),
            service_account: self.job.service_account.clone(),
            base_output_directory: Some(GcsDestination {
                output_uri_prefix: format!("{}/", folder.trim_end_matches('/')),
            }),
            network: self.job.network.clone(),
            tensorboard: self.tensorboard.clone(),
        }
    }

    fn scheduling(&self) -> Scheduling {
        let seconds = |limit: Option<u64>| limit.map(|limit| format!("{limit}s"));
        let flexible = self.provisioning == Provisioning::FlexStart;
        let strategy = match self.provisioning {
            Provisioning::Standard => "STANDARD",
            Provisioning::Spot => "SPOT",
            Provisioning::FlexStart => "FLEX_START",
        };
        Scheduling {
            timeout: seconds(self.job.run_timeout),
            strategy: Some(strategy.to_owned()),
            max_wait_duration: seconds(self.job.queue_timeout.filter(|_| flexible)),
            // A wrong flag stays wrong; a machine that is taken away is another matter.
            disable_retries: self.provisioning != Provisioning::Spot,
            restart_job_on_worker_restart: false,
        }
    }
}
