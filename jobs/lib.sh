# shellcheck shell=bash
# What every command in this folder does: build the project if necessary, split Spark's options from the job's, call spark-submit.
# Sourced; a command is `run_job MAIN_CLASS "$@"`. Needs JDK 17, and Maven to build.
set -euo pipefail

# With CDPATH, `cd` would look elsewhere and print the folder.
AVATARL_HOME="$(CDPATH="" cd -- "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
export AVATARL_HOME

say() { printf '%s\n' "$*" >&2; }

# The user's mistake, in one line: what is wrong and how to fix it.
refuse() {
  say "$*"
  exit 2
}

# Whether bash reads the two bytes of an umlaut as one character.
in_utf8() {
  local umlaut=$'\xc3\xbc'
  [[ ${#umlaut} -eq 1 ]]
}

# The JVM decodes arguments and file names by the locale. In that of a bare container (C), every non-ASCII character is lost. A
# locale of another character set is kept. (The job refuses arguments that could not be decoded.)
use_utf8() {
  local before="${LC_ALL-}" name latin=$'\xfc'
  if in_utf8 || [[ "$latin" == [[:alpha:]] ]]; then return; fi
  for name in C.UTF-8 C.utf8 en_US.UTF-8; do
    { LC_ALL="$name"; } 2>/dev/null # bash complains about a missing locale
    if in_utf8; then
      export LC_ALL
      return
    fi
  done
  LC_ALL="$before"
}

# For a user without a name on this system (docker run -u 12345, OpenShift) the JVM uses "?" as home, and Ivy and the natives' cache
# would go into a folder of that name.
find_home() {
  local home
  if whoami >/dev/null 2>&1; then return; fi
  home="${HOME:-}"
  if [[ ! -d "$home" || ! -w "$home" ]]; then
    home="${TMPDIR:-/tmp}/avatarl-$UID"
    mkdir -p -m 700 "$home" 2>/dev/null && [[ -O "$home" && -w "$home" ]] ||
      refuse "user $UID has no home folder, and $home cannot be made: set HOME to a folder that can be written"
  fi
  SPARK_SUBMIT_OPTS="${SPARK_SUBMIT_OPTS:-} -Duser.home=\"$home\""
}

# require_size OPTION VALUE: refuses an amount of memory that the JVM or Spark would not accept.
require_size() {
  [[ "$2" =~ ^[0-9]+([kKmMgGtT][bB]?)?$ ]] || refuse "$1 $2: is not an amount of memory; write it like 2g or 1500m"
}

# Sets `java`. Starting the JVM to ask for its version takes 50 ms; its `release` file has it, too.
find_java() {
  local fix="install JDK 17 or point JAVA_HOME at one" home version
  if [[ -n "${JAVA_HOME:-}" ]]; then
    java="$JAVA_HOME/bin/java"
    [[ -x "$java" ]] || refuse "JAVA_HOME=$JAVA_HOME has no bin/java: $fix"
  else
    java="$(command -v java)" || refuse "java was not found: $fix"
  fi
  home="$(dirname "$(dirname "$(readlink -f "$java")")")"
  version="$(sed -n 's/^JAVA_VERSION="\(.*\)"/\1/p' "$home/release" 2>/dev/null)" || version=""
  if [[ -z "$version" ]]; then
    version="$("$java" -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p')" || version=""
  fi
  local major="${version%%[!0-9]*}"
  [[ -n "$major" && "$major" -ge 17 ]] || refuse "Java 17 or newer is needed; $java is ${version:-of no known version}: $fix"
}

# Sets what depends on Spark's version: `build` (folder), `scala` and `profile` (Maven's options). The version is that of
# SPARK_HOME or, for the project's own Spark, AVATARL_SPARK.
find_spark() {
  local core version="${AVATARL_SPARK:-4.0}"
  if [[ -n "${SPARK_HOME:-}" ]]; then
    [[ -x "$SPARK_HOME/bin/spark-submit" ]] ||
      refuse "SPARK_HOME=$SPARK_HOME has no bin/spark-submit: correct it, or unset it to use the project's own Spark"
    for core in "$SPARK_HOME"/jars/spark-core_*.jar; do
      case "$core" in
        */spark-core_2.12-3.5.*) version=3.5 ;;
        */spark-core_2.13-4.1.*) version=4.1 ;;
        */spark-core_2.13-4.2.*) version=4.2 ;;
        */spark-core_2.13-4.* | */spark-core_\*.jar) version=4.0 ;;
        *)
          refuse "SPARK_HOME=$SPARK_HOME is $(basename "$core" .jar), but Spark 4 for Scala 2.13 or 3.5 for Scala 2.12 is" \
            "needed: correct or unset it"
          ;;
      esac
    done
  fi
  case "$version" in
    4.0) build="$AVATARL_HOME/target" scala=2.13 profile=() ;;
    3.5) build="$AVATARL_HOME/target/spark-3.5" scala=2.12 profile=(-Pspark-3.5) ;;
    4.1 | 4.2) build="$AVATARL_HOME/target/spark-$version" scala=2.13 profile=("-Pspark-$version") ;;
    *) refuse "AVATARL_SPARK=$version: there are 3.5, 4.0, 4.1 and 4.2" ;;
  esac
}

# spark_class CLASS ARGUMENT...: becomes the JVM that bin/spark-class would start, even if Spark's jars are not a complete
# distribution. (The launcher prints the command to run, each word followed by NUL, after an empty one.)
spark_class() {
  local command=() word i
  while IFS= read -r -d '' word; do
    command+=("$word")
  done < <("$java" -Xmx128m -XX:TieredStopAtLevel=1 -cp "$SPARK_HOME/jars/*" org.apache.spark.launcher.Main "$@")
  [[ ${#command[@]} -ge 2 ]] || exit 1
  command=("${command[@]:1}")
  command[0]="${command[0]#$'\n'}"
  # Through the project's own main class, so that Spark's errors about its options are also one line.
  if [[ -n "${submitter:-}" ]]; then
    for i in "${!command[@]}"; do
      case "${command[i]}" in
        -cp) command[i + 1]+=":$submitter" ;;
        org.apache.spark.deploy.SparkSubmit)
          command[i]=io.avatarl.jobs.Submit
          break
          ;;
      esac
    done
    if [[ -n "${SPARK_DRIVER_MEMORY:-}${user_submit_opts:-}" || "${submit[*]} ${properties:-}" == *driver* ]]; then
      require_jvm "${command[@]:0:i}"
    fi
  fi
  # Only Spark ML's linear algebra needs it, and the JVM prints a warning about it.
  for i in "${!command[@]}"; do
    [[ "${command[i]}" != --add-modules=jdk.incubator.vector ]] || unset 'command[i]'
  done
  exec "${command[@]}"
}

# require_jvm JAVA OPTION...: starts the JVM with options from outside this project, because a JVM that does not start prints
# several lines of its own.
require_jvm() {
  local said
  said="$("$@" -version 2>&1)" || {
    said="$(grep -v '^Picked up\|^NOTE: \|^Error occurred during' <<<"$said" | head -n 1)"
    refuse "the JVM does not start: ${said#Error: }; check --driver-memory, --driver-java-options, SPARK_SUBMIT_OPTS and" \
      "JAVA_TOOL_OPTIONS"
  }
}

# The job's jar, or nothing if it is missing.
job_jar() {
  local jars=("$build"/avatarl-spark-*-job.jar)
  [[ -f "${jars[0]}" ]] && printf '%s' "${jars[0]}"
}

needs_build() {
  local jar
  jar="$(job_jar)" || return 0
  [[ -d "$build/spark-home/jars" ]] || return 0
  if ${s3:-false} && ! compgen -G "$build/spark-home/jars/hadoop-aws-*.jar" >/dev/null; then return 0; fi
  # Folders count as well: their time changes when a file is removed.
  [[ -n "$(find "$AVATARL_HOME/pom.xml" "$AVATARL_HOME/src/main" -newer "$jar" -print -quit)" ]]
}

build() {
  command -v mvn >/dev/null || refuse "mvn was not found, and $build is to be built: install Maven 3.8 or newer"
  local note="" started output
  [[ -d "$build/spark-home" ]] || note=" (first time: downloads about 390 MB)"
  if ${s3:-false}; then
    note+=" (with the client for S3: 16 MB more, once)"
    profile+=(-Ps3)
  fi
  say "building$note ..."
  mkdir -p "$build"
  started="$(mktemp "$build/build.XXXXXX")"
  # shellcheck disable=SC2064
  trap "rm -f '$started'" EXIT
  # Remove the jar instead of overwriting it, because a running job has it open.
  rm -f "$build"/avatarl-spark-*-job.jar
  # Other versions of Spark's jars must not stay next to the new ones.
  [[ "$AVATARL_HOME/pom.xml" -nt "$build/spark-home/jars" ]] && rm -rf "$build/spark-home/jars"
  if ! output="$(mvn -q -B -Dstyle.color=never -f "$AVATARL_HOME/pom.xml" "${profile[@]}" -Dmaven.test.skip=true package 2>&1)"; then
    rm -f "$build"/avatarl-spark-*-job.jar
    grep '^\[ERROR\]' <<<"$output" >&2 || say "$output"
    say "the build failed: \`mvn${profile[*]:+ ${profile[*]}} -Dmaven.test.skip=true package\` in $AVATARL_HOME shows all of it"
    exit 1
  fi
  # Date the jar to the start of the build, so that files edited meanwhile are built next time.
  touch -r "$started" "$(job_jar)"
}

# Builds if necessary. The lock is on the project's folder, so it needs no file and survives `mvn clean`. It is taken before the
# check, because a jar that is being written looks new.
ensure_built() (
  if command -v flock >/dev/null; then
    exec 9<"$AVATARL_HOME"
    if ! flock -n 9; then
      say "waiting for another build ..."
      flock 9
    fi
  fi
  if needs_build; then
    # A read-only installation cannot have changed since it was built.
    if [[ ! -w "$AVATARL_HOME" || (-d "$build" && ! -w "$build") ]]; then
      if job_jar >/dev/null && [[ -d "$build/spark-home/jars" ]] && ! ${s3:-false}; then return 0; fi
      refuse "$AVATARL_HOME cannot be written, and something is to be built in it: build it as its owner (mvn -Dmaven.test.skip=true" \
        "package$(${s3:-false} && printf ' -Ps3')), or copy it to a place of your own"
    fi
    build
  fi
)

# property FILE KEY: prints the value of KEY in a Spark properties file, or nothing.
property() {
  local key="${2//./\\.}"
  [[ -f "$1" ]] || return 0
  sed -n "s/^[[:space:]]*${key}[[:space:]:=]\{1,\}\(.*[^[:space:]]\)[[:space:]]*$/\1/p" "$1" | tail -n 1
}

# add_defaults FILE...: puts the project's settings that none of the files has in front of `submit`. As a --properties-file they
# would replace the cluster's defaults or, with --load-spark-defaults, override them. This way the cluster's settings, the user's
# file and the command line override the project's.
add_defaults() {
  local key value file own=()
  while read -r key value; do
    [[ "$key" == spark.* ]] || continue
    for file in "$@"; do
      [[ -z "$(property "$file" "$key")" ]] || continue 2
    done
    own+=(--conf "$key=$value")
  done <"$AVATARL_HOME/conf/spark-defaults.conf"
  submit=("${own[@]}" "${submit[@]}")
}

# Splits "$@" into `submit` (spark-submit's options, as given) and `job` (all else), and sets what this file needs: `master`,
# `deploy` (mode), `properties` (file), `classpath` and `java_options` (of the driver). Everything after `--` is the job's.
split_options() {
  submit=() job=() master="" deploy="" properties="" classpath="" java_options=""
  local name value
  while [[ $# -gt 0 ]]; do
    name="${1%%=*}"
    case "$name" in
      --master | --deploy-mode | --conf | -c | --properties-file | --name | --driver-memory | --driver-cores | \
        --driver-java-options | --driver-class-path | --driver-library-path | --executor-memory | --executor-cores | \
        --num-executors | --total-executor-cores | --jars | --packages | --exclude-packages | --repositories | \
        --files | --archives | --proxy-user | --principal | --keytab | --queue)
        if [[ "$1" == *=* ]]; then
          value="${1#*=}"
        else
          [[ $# -ge 2 ]] || refuse "$1 needs a value"
          value="$2"
          shift
        fi
        case "$name=$value" in
          --driver-memory=* | --executor-memory=*) require_size "$name" "$value" ;;
          --conf=spark.driver.memory=* | -c=spark.driver.memory=* | \
            --conf=spark.executor.memory=* | -c=spark.executor.memory=*)
            require_size "--conf ${value%%=*}" "${value#*=}"
            ;;
          --properties-file=*)
            [[ -r "$value" && -f "$value" ]] || refuse "--properties-file $value: no such file, or it cannot be read"
            ;;
          --conf=* | -c=*)
            [[ "$value" == *=* ]] || refuse "--conf $value: write it as key=value"
            ;;
        esac
        case "$name=$value" in
          --master=* | --conf=spark.master=* | -c=spark.master=*) master="${value#spark.master=}" ;;
          --deploy-mode=* | --conf=spark.submit.deployMode=* | -c=spark.submit.deployMode=*)
            deploy="${value#spark.submit.deployMode=}"
            ;;
          --properties-file=*) properties="$value" ;;
          --driver-java-options=* | --conf=spark.driver.extraJavaOptions=* | -c=spark.driver.extraJavaOptions=*)
            java_options="${value#spark.driver.extraJavaOptions=}"
            ;;
          --driver-class-path=* | --conf=spark.driver.extraClassPath=* | -c=spark.driver.extraClassPath=*)
            classpath="${value#spark.driver.extraClassPath=}"
            ;;
        esac
        submit+=("$name" "$value")
        ;;
      --supervise | --verbose | --load-spark-defaults)
        submit+=("$1")
        ;;
      --)
        shift
        job+=("$@")
        return
        ;;
      *)
        job+=("$1")
        ;;
    esac
    shift
  done
}

# run_job MAIN_CLASS ARGUMENT...: becomes the driver's JVM, so that it gets signals and its exit code is that of the command.
run_job() {
  local main_class="$1" java jar terminal=false columns="" defaults build scala profile s3=false
  shift
  use_utf8
  local submit job master deploy properties classpath java_options name
  [[ -z "${SPARK_REMOTE:-}" ]] ||
    refuse "SPARK_REMOTE=$SPARK_REMOTE: training needs a Spark session of its own and not Spark Connect; unset it"
  split_options "$@"
  for name in SPARK_DRIVER_MEMORY SPARK_EXECUTOR_MEMORY; do
    [[ -z "${!name:-}" ]] || require_size "$name" "${!name}"
  done
  find_java
  [[ -z "${JAVA_TOOL_OPTIONS:-}${JDK_JAVA_OPTIONS:-}${_JAVA_OPTIONS:-}" ]] || require_jvm "$java"
  local user_submit_opts="${SPARK_SUBMIT_OPTS:-}" submitter=""
  find_home
  find_spark

  # glibc gives large blocks back to the kernel at once, and every tensor asks for them anew: a fifth of a step's time.
  # Executors get the same from conf/spark-defaults.conf.
  export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-1073741824}"
  export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-4294967296}"
  export MALLOC_TOP_PAD_="${MALLOC_TOP_PAD_:-268435456}"

  # Facts about this machine, for the JVM started here only: in cluster deploy mode the driver runs elsewhere.
  # (The quotes inside are for Spark's launcher, which splits the options as a shell would.)
  if [[ -t 2 ]]; then
    terminal=true
    # "rows columns" of the terminal.
    columns="$(stty size <&2 2>/dev/null)" || columns=""
    columns="${columns#* }"
  fi
  # shellcheck disable=SC2089
  SPARK_SUBMIT_OPTS="${SPARK_SUBMIT_OPTS:-} -Davatarl.home=\"$AVATARL_HOME\" -Davatarl.terminal=$terminal"
  # Whether output goes to a terminal, and how the user calls the commands.
  [[ ! -t 1 ]] || SPARK_SUBMIT_OPTS+=" -Davatarl.output.terminal=true"
  SPARK_SUBMIT_OPTS+=" -Davatarl.commands=\"$(dirname "$0")\""
  [[ ! "$columns" =~ ^[1-9][0-9]*$ ]] || SPARK_SUBMIT_OPTS+=" -Davatarl.columns=$columns"

  if [[ -z "${SPARK_HOME:-}" ]]; then
    local own_home=true
    export SPARK_HOME="$build/spark-home" SPARK_CONF_DIR="$AVATARL_HOME/conf"
    # They would add other classes to this Spark's.
    unset SPARK_DIST_CLASSPATH SPARK_PREPEND_CLASSES SPARK_TESTING SPARK_SQL_TESTING
    # Without a complete distribution, Spark needs this to start executors.
    export SPARK_SCALA_VERSION="$scala"
    # With the user's file, Spark only reads the defaults with this option; the user's file overrides them.
    [[ -z "$properties" ]] || submit+=(--load-spark-defaults)
  else
    local own_home=false
  fi
  # Only such paths need the client; the user's own Spark has it or gets it with --packages.
  if $own_home && [[ "$* ${AVATARL_CORPUS:-}" == *s3a://* ]]; then
    s3=true
    [[ "$scala" == 2.13 ]] ||
      refuse "s3a:// paths need Spark 4.0, or a SPARK_HOME of Spark 3.5 that has hadoop-aws: Hadoop 3.3's asks for a retired AWS SDK"
  fi
  # Not inside a condition, where bash would ignore `set -e`.
  ensure_built
  jar="$(job_jar)"

  defaults="${SPARK_CONF_DIR:-$SPARK_HOME/conf}"
  if ! $own_home; then
    add_defaults "$properties" "$defaults/spark-defaults.conf"
    # A cluster's own logging stays; Spark's built-in one would overwrite the progress bar.
    # shellcheck disable=SC2089
    [[ -f "$defaults/log4j2.properties" ]] ||
      SPARK_SUBMIT_OPTS+=" -Dlog4j2.configurationFile=\"$AVATARL_HOME/conf/log4j2.properties\""
  fi
  # shellcheck disable=SC2090
  export SPARK_SUBMIT_OPTS

  # The same order as spark-submit's: command line, the user's file, the defaults, the environment.
  local file
  for file in "$properties" "$defaults/spark-defaults.conf"; do
    [[ -n "$master" ]] || master="$(property "$file" spark.master)"
    [[ -n "$deploy" ]] || deploy="$(property "$file" spark.submit.deployMode)"
    [[ -n "$classpath" ]] || classpath="$(property "$file" spark.driver.extraClassPath)"
    [[ -n "$java_options" ]] || java_options="$(property "$file" spark.driver.extraJavaOptions)"
  done
  [[ -n "$master" ]] || master="${MASTER:-}"
  if [[ -z "$master" ]]; then
    master='local[*]'
    submit+=(--master "$master")
  fi

  case "$master" in
    local | local\[*\] | local-cluster\[*\] | yarn | *://*) ;;
    *) refuse "--master $master: is none of local[N], local-cluster[N,CORES,MB], spark://HOST:PORT, yarn, k8s://URL" ;;
  esac
  local resource="$jar"
  case "$master" in
    local | local\[* | local-cluster\[*)
      # Nothing outside this machine takes part, so look up no host name and open no port to the network.
      export SPARK_LOCAL_IP="${SPARK_LOCAL_IP:-127.0.0.1}"
      ;;
  esac
  # The executors of local-cluster keep their logs in this folder, and a copy of the job's jar each (120 MB), which Spark never
  # removes. (Running executors have theirs open; the minute protects one that is just starting.)
  if $own_home && [[ -d "$SPARK_HOME/work" ]]; then
    find "$SPARK_HOME/work" -name 'avatarl-spark-*-job.jar' -mmin +1 -delete
  fi
  case "$master" in
    local | local\[*)
      # One JVM: as the application's jar, its 120 MB would be copied to a temporary folder at every start (0.7 s, more from a cold
      # disk), but never loaded from there. `spark-internal` is Spark's name for "no jar".
      submit+=(--driver-class-path "$jar${classpath:+:$classpath}")
      resource="spark-internal"
      ;;
  esac

  # A standalone cluster starts a driver with its extraJavaOptions alone: without the defaults and, before Spark 4, without the
  # packages of the JDK that Spark needs open.
  if [[ "$deploy $master" == "cluster spark://"* ]]; then
    local own_options package
    own_options="$(property "$AVATARL_HOME/conf/spark-defaults.conf" spark.driver.defaultJavaOptions)"
    for package in java.lang java.lang.invoke java.nio java.util java.util.concurrent sun.nio.ch; do
      own_options+=" --add-opens=java.base/$package=ALL-UNNAMED"
    done
    submit+=(--driver-java-options "$own_options $java_options")
  fi

  local arguments=("${submit[@]}" --class "$main_class" "$resource" "${job[@]}")
  if ! $own_home; then
    exec "$SPARK_HOME/bin/spark-submit" "${arguments[@]}"
  fi

  submitter="$jar"
  spark_class org.apache.spark.deploy.SparkSubmit "${arguments[@]}"
}
