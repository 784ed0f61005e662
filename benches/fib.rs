//! `fib` against the same function in C, in turns: `just bench fib`.
//!
//! The C program is compiled with `cc -O2`. Both measure themselves, without their start-up.

use asyncio_to_smol::fib::fib;
use std::error::Error;
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

const N: u32 = 40;
const RUNS: usize = 11;

const C: &str = r#"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

int main(int argc, char **argv) {
    struct timespec start, end;
    uint32_t n = atoi(argv[argc - 1]);
    clock_gettime(CLOCK_MONOTONIC, &start);
    uint64_t value = fib(n);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%" PRIu64 " %.9f\n", value, seconds);
}
"#;

fn main() -> Result<(), Box<dyn Error>> {
    // Beside this program, in the target folder.
    let program = std::env::current_exe()?.with_file_name("fib_in_c");
    let source = program.with_extension("c");
    std::fs::write(&source, C)?;
    match Command::new("cc")
        .arg("-O2")
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .status()
    {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("cc -O2 {}: {status}", source.display()).into()),
        Err(error) => {
            println!("no C compiler here (cc: {error}); nothing to compare with");
            return Ok(());
        }
    }

    let (mut rust, mut c) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let value = fib(black_box(N))?;
        rust.push(start.elapsed().as_secs_f64());

        let output = String::from_utf8(Command::new(&program).arg(N.to_string()).output()?.stdout)?;
        let (c_value, seconds) = output.trim().split_once(' ').ok_or("no output from C")?;
        assert_eq!(c_value, value.to_string());
        c.push(seconds.parse()?);
    }

    println!("fib({N}), seconds     min  median     max");
    let (rust, c) = (show("Rust, this profile", rust), show("C, cc -O2", c));
    println!("ratio of the medians: {:.2}", rust / c);
    Ok(())
}

fn show(name: &str, mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let median = seconds[RUNS / 2];
    println!(
        "{name:<18} {:>7.3} {median:>7.3} {:>7.3}",
        seconds[0],
        seconds[RUNS - 1]
    );
    median
}
