/**
 * The configuration of a run: the records of {@link io.avatarl.config.TrainingConfig}, read from
 * HOCON and checked, and the two kinds of error that every room throws.
 *
 * <p>{@link io.avatarl.config.ConfigReader} reads and writes; {@code HoconText} parses one text,
 * {@code RecordMapper} turns values into records and back, {@code RenamedKeys} knows the keys of
 * earlier versions. {@link io.avatarl.config.UserError} is the user's mistake, {@link
 * io.avatarl.config.Failure} is nobody's. Calls no other room, no file system and no Spark.
 */
package io.avatarl.config;
