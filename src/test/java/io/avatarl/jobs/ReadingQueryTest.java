package io.avatarl.jobs;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.avatarl.config.UserError;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReadingQueryTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT * FROM rollouts",
        "select step, count(*) from groups group by step having count(*) > 1 order by 1 limit 3",
        "SELECT DISTINCT gold FROM groups WHERE entropy > (SELECT avg(entropy) FROM groups)",
        "SELECT * FROM groups WHERE EXISTS (SELECT 1 FROM metrics WHERE metrics.step ="
            + " groups.step)",
        "SELECT * FROM groups WHERE gold IN (SELECT action FROM rollouts)",
        "WITH a AS (SELECT * FROM groups), b AS (TABLE progress) SELECT * FROM a JOIN b USING"
            + " (step)",
        "SELECT * FROM groups a LEFT ANTI JOIN groups b ON a.step = b.step + 1",
        "SELECT rank() OVER (PARTITION BY step ORDER BY entropy) FROM groups",
        "SELECT sum(x) OVER w FROM VALUES (1), (2) AS t(x) WINDOW w AS (ORDER BY x)",
        "VALUES (1, 'insert into x'), (2, 'drop table y')",
        "SELECT 'INSERT OVERWRITE DIRECTORY' AS `DROP TABLE rollouts` -- CREATE TABLE x",
        "SELECT explode(reward_components) FROM rollouts",
        "SELECT * FROM rollouts LATERAL VIEW explode(action_tokens) t AS token",
        "SELECT * FROM rollouts, LATERAL (SELECT rollouts.step + 1 AS next)",
        "SELECT * FROM range(10)",
        "SELECT * FROM parquet.`/runs/1/rollouts`",
        "SELECT * FROM groups TABLESAMPLE (5 ROWS)",
        "SELECT * FROM groups PIVOT (avg(entropy) FOR step IN (1, 50))",
        "SELECT * FROM progress UNPIVOT (value FOR name IN (entropy, accuracy))",
        "SELECT 1 UNION ALL SELECT 2 EXCEPT SELECT 3 INTERSECT SELECT 4",
        "SELECT * FROM rollouts DISTRIBUTE BY step SORT BY rank",
        "SELECT /*+ REPARTITION(2), BROADCAST(groups) */ * FROM groups CLUSTER BY step",
        "SELECT * FROM groups ORDER BY step LIMIT 5 OFFSET 3",
        "SELECT step, gold, count(*) FROM groups GROUP BY GROUPING SETS ((step), (gold))",
        "SELECT step, count(*) FROM groups GROUP BY ROLLUP (step, gold)",
        "SELECT filter(action_tokens, x -> x > 3), CASE WHEN step = 1 THEN 'a' ELSE 'b' END FROM"
            + " rollouts",
        "FROM groups SELECT step",
        "SELECT 1;",
        "DESCRIBE rollouts",
        "DESC TABLE EXTENDED groups",
        "DESCRIBE FUNCTION avg",
        "DESCRIBE QUERY SELECT * FROM groups",
        "SHOW TABLES",
        "SHOW COLUMNS IN rollouts",
        "EXPLAIN EXTENDED SELECT * FROM groups",
      })
  void reads(String sql) {
    assertDoesNotThrow(() -> ReadingQuery.require(sql));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "INSERT OVERWRITE DIRECTORY '/runs/1/checkpoints' USING parquet SELECT * FROM rollouts",
        "INSERT OVERWRITE LOCAL DIRECTORY '/x' ROW FORMAT DELIMITED SELECT 1",
        "/* read */ INSERT INTO t SELECT 1",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO TABLE t REPLACE WHERE a = 1 SELECT 1 AS a",
        "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
        "FROM rollouts INSERT INTO a SELECT step INSERT INTO b SELECT rank",
        "CREATE TABLE t USING parquet LOCATION '/x' AS SELECT 1",
        "CREATE TABLE t (a INT) USING parquet LOCATION '/x'",
        "CREATE OR REPLACE TEMPORARY VIEW rollouts AS SELECT 1",
        "CREATE TEMPORARY VIEW t USING parquet OPTIONS (path '/x')",
        "CREATE DATABASE d LOCATION '/x'",
        "CREATE FUNCTION f AS 'java.lang.String' USING JAR '/x.jar'",
        "DROP VIEW rollouts",
        "DROP TABLE IF EXISTS t",
        "TRUNCATE TABLE t",
        "DELETE FROM t",
        "UPDATE t SET a = 1",
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
        "ALTER TABLE t RENAME TO u",
        "ALTER VIEW rollouts AS SELECT 1",
        "LOAD DATA INPATH '/x' INTO TABLE t",
        "MSCK REPAIR TABLE t",
        "REFRESH TABLE t",
        "CACHE TABLE groups",
        "CACHE TABLE x AS SELECT 1",
        "UNCACHE TABLE groups",
        "CLEAR CACHE",
        "ANALYZE TABLE t COMPUTE STATISTICS",
        "SET spark.sql.ansi.enabled = false",
        "RESET",
        "USE d",
        "ADD JAR '/x.jar'",
        "COMMENT ON TABLE t IS 'x'",
        "EXPLAIN INSERT INTO t SELECT 1",
        "SELECT TRANSFORM(step) USING 'rm -rf /x' AS (a) FROM rollouts",
        "SELECT * FROM (FROM rollouts SELECT TRANSFORM(step) USING 'rm -rf /x' AS a)",
        "SELECT (SELECT reflect('java.lang.System', 'exit', 0))",
        "SELECT `java_method`('java.lang.System', 'setProperty', 'a', 'b') FROM groups",
        "WITH a AS (SELECT Reflect('java.lang.System', 'gc')) SELECT * FROM a",
      })
  void doesMoreThanRead(String sql) {
    UserError refused = assertThrows(UserError.class, () -> ReadingQuery.require(sql));
    assertTrue(refused.getMessage().startsWith("--sql: only queries that read are allowed"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"SELEC 1", "SELECT 1; DROP TABLE t", "VACUUM t", ""})
  void isNoStatement(String sql) {
    assertThrows(ParseException.class, () -> ReadingQuery.require(sql));
  }
}
