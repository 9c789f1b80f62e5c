//! `import-sample-config`

use super::remote;
use crate::cli::args::ImportArgs;
use crate::cli::find::Place;
use crate::cli::output::Output;
use crate::import_sample;

pub(in crate::cli) fn run(args: &ImportArgs, place: &Place, output: &Output) -> anyhow::Result<()> {
    let plan = import_sample::prepare(args)?;
    if args.apply {
        return remote(place, output, |call| import_sample::apply(plan, call));
    }
    import_sample::show(&plan, args, output)
}
