-- What each role of the stack may do in the warehouse. Its administrator runs it once the stack stands,
-- and again after an upgrade: `workbook deploy` does, by the Data API and the secret that Redshift keeps.
-- A statement that ends with "already exists" was run before; go on with the next.
--
-- ${Database}, ${RolePrefix} and ${CopyRoleArn} are outputs of the stack. Redshift knows who comes with
-- an IAM role as the user "IAMR:<name of the role>".
-- https://docs.aws.amazon.com/redshift/latest/mgmt/generating-user-credentials.html
--
-- A stage owns the tables that it makes, and needs no grant for them: 01 those of etl, 02 and 04 their
-- staging in tmp, 04 all of raw, curated, quarantine and presentation. Scoped grants (FOR TABLES IN
-- SCHEMA) hold for tables that are made later, too.
-- https://docs.aws.amazon.com/redshift/latest/dg/t_scoped-permissions.html

CREATE SCHEMA IF NOT EXISTS etl;
CREATE SCHEMA IF NOT EXISTS tmp;
CREATE SCHEMA IF NOT EXISTS "raw";
CREATE SCHEMA IF NOT EXISTS curated;
CREATE SCHEMA IF NOT EXISTS quarantine;
CREATE SCHEMA IF NOT EXISTS presentation;

-- The users, one for each role of the stack that runs SQL.
CREATE USER "IAMR:${RolePrefix}extract" PASSWORD DISABLE;
CREATE USER "IAMR:${RolePrefix}raw-ingest" PASSWORD DISABLE;
CREATE USER "IAMR:${RolePrefix}transform" PASSWORD DISABLE;
CREATE USER "IAMR:${RolePrefix}load" PASSWORD DISABLE;
CREATE USER "IAMR:${RolePrefix}bookmark" PASSWORD DISABLE;
CREATE USER "IAMR:${RolePrefix}finalize" PASSWORD DISABLE;
CREATE USER "IAMR:${RolePrefix}analyst" PASSWORD DISABLE;

-- Everybody reads. 03_transform, 05_bookmark and analysts do nothing else.
CREATE ROLE etl_read;
GRANT USAGE ON SCHEMA etl TO ROLE etl_read;
GRANT SELECT FOR TABLES IN SCHEMA etl TO ROLE etl_read;
GRANT USAGE ON SCHEMA tmp TO ROLE etl_read;
GRANT SELECT FOR TABLES IN SCHEMA tmp TO ROLE etl_read;
GRANT USAGE ON SCHEMA "raw" TO ROLE etl_read;
GRANT SELECT FOR TABLES IN SCHEMA "raw" TO ROLE etl_read;
GRANT USAGE ON SCHEMA curated TO ROLE etl_read;
GRANT SELECT FOR TABLES IN SCHEMA curated TO ROLE etl_read;
GRANT USAGE ON SCHEMA quarantine TO ROLE etl_read;
GRANT SELECT FOR TABLES IN SCHEMA quarantine TO ROLE etl_read;
GRANT USAGE ON SCHEMA presentation TO ROLE etl_read;
GRANT SELECT FOR TABLES IN SCHEMA presentation TO ROLE etl_read;
GRANT ROLE etl_read TO "IAMR:${RolePrefix}extract";
GRANT ROLE etl_read TO "IAMR:${RolePrefix}raw-ingest";
GRANT ROLE etl_read TO "IAMR:${RolePrefix}transform";
GRANT ROLE etl_read TO "IAMR:${RolePrefix}load";
GRANT ROLE etl_read TO "IAMR:${RolePrefix}bookmark";
GRANT ROLE etl_read TO "IAMR:${RolePrefix}finalize";
GRANT ROLE etl_read TO "IAMR:${RolePrefix}analyst";

-- 01_extract makes the pipeline's own tables; its first run asks for the schemas, too.
CREATE ROLE etl_extract;
GRANT CREATE ON DATABASE ${Database} TO ROLE etl_extract;
GRANT CREATE ON SCHEMA etl TO ROLE etl_extract;
GRANT ROLE etl_extract TO "IAMR:${RolePrefix}extract";

-- 02_raw_ingest makes staging tables, tells of them in etl, and copies into them.
CREATE ROLE etl_raw_ingest;
GRANT CREATE ON SCHEMA tmp TO ROLE etl_raw_ingest;
GRANT INSERT FOR TABLES IN SCHEMA etl TO ROLE etl_raw_ingest;
GRANT ROLE etl_raw_ingest TO "IAMR:${RolePrefix}raw-ingest";

-- 04_load makes what is missing, stages curated files, and merges both stagings.
CREATE ROLE etl_load;
GRANT CREATE ON SCHEMA tmp TO ROLE etl_load;
GRANT CREATE ON SCHEMA "raw" TO ROLE etl_load;
GRANT CREATE ON SCHEMA curated TO ROLE etl_load;
GRANT CREATE ON SCHEMA quarantine TO ROLE etl_load;
GRANT CREATE ON SCHEMA presentation TO ROLE etl_load;
GRANT INSERT, DELETE FOR TABLES IN SCHEMA etl TO ROLE etl_load;
GRANT DELETE FOR TABLES IN SCHEMA tmp TO ROLE etl_load;
GRANT ROLE etl_load TO "IAMR:${RolePrefix}load";

-- 06_finalize drops staging, also that of runs that died.
CREATE ROLE etl_finalize;
GRANT DROP FOR TABLES IN SCHEMA tmp TO ROLE etl_finalize;
GRANT DELETE FOR TABLES IN SCHEMA etl TO ROLE etl_finalize;
GRANT ROLE etl_finalize TO "IAMR:${RolePrefix}finalize";

-- Who may have COPY read S3 with the stack's role: nobody but the two that copy.
REVOKE ASSUMEROLE ON '${CopyRoleArn}' FROM PUBLIC FOR ALL;
GRANT ASSUMEROLE ON '${CopyRoleArn}' TO ROLE etl_raw_ingest FOR COPY;
GRANT ASSUMEROLE ON '${CopyRoleArn}' TO ROLE etl_load FOR COPY;
