# `just` lists the chapters and programs; `just run 1` runs chapter 1, `just run hello_smol` one program.
# The commands in tests/tools read the lists from the heads of the programs.

set positional-arguments

# Builds the commands, visibly only the first time, and replaces the shell by them: signals for `just` reach them.
tools := "cargo build $(test ! -e target/debug/tools || echo --quiet) --manifest-path tests/tools/Cargo.toml --target-dir target && FROM=" + quote(invocation_directory()) + " exec target/debug/tools"

# The chapters, their programs, and the other recipes.
[private]
default: list
    @echo
    @"{{ just_executable() }}" --list --unsorted

# Chapters and programs with their descriptions
[group('learn')]
list:
    @{{ tools }} list

# Run a chapter by its number, or one program by its name; further arguments go to the program
[group('learn')]
[no-exit-message]
run chapter_or_program *arguments:
    @{{ tools }} run "$@"

# Measure and draw the hello programs; --keep replaces the picture of chapter 1
[group('learn')]
[no-exit-message]
picture *arguments:
    @{{ tools }} picture "$@"

# Make a new Cargo package from one program: NAME DIR
[group('use')]
[no-exit-message]
copy *arguments:
    @{{ tools }} copy "$@"

# Copy a module of the library into an existing package: MODULE DIR [FOLDER]; --help lists the modules
[group('use')]
[no-exit-message]
take *arguments:
    @{{ tools }} take "$@"

# Play every program, or those named, against its transcript; --patch CRATE=DIR uses the crate in DIR
[group('use')]
[no-exit-message]
smoke *arguments:
    @{{ tools }} smoke "$@"

# The whole test suite; arguments go to cargo test
[group('work')]
test *arguments:
    cargo test --all-features "$@"

# Measure against tokio, asyncio, Node and others: all jobs, or those named; --help lists the options
[group('work')]
[no-exit-message]
bench *arguments:
    @cargo build --quiet --release --bins --manifest-path benches/Cargo.toml --target-dir target/benches
    @target/benches/release/bench "$@"

# Test the claims of chapter 20 on async-std and on smol; arguments go to cargo test
[group('work')]
async-std *arguments:
    cargo test --manifest-path tests/async_std/Cargo.toml --target-dir target "$@"

# Write every list from the heads of the programs and modules; --check only names those that differ
[group('work')]
[no-exit-message]
contents *arguments:
    @{{ tools }} contents "$@"

# Build programs and tests for Windows and run them under wine, on Debian 12; it installs what it needs
[group('work')]
windows:
    bash .ci/windows

# Do what CI does: formatting, lints, docs, tests, and these recipes
[group('work')]
ci:
    bash .ci/run
