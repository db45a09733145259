@case mariadb's views triggers cascades and sequences are followed
@schema
CREATE TABLE p (id int PRIMARY KEY AUTO_INCREMENT, u int UNIQUE, v int);
CREATE TABLE c (id int PRIMARY KEY AUTO_INCREMENT, p int, pu int, v int, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE, FOREIGN KEY (pu) REFERENCES p (u) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE g (id int PRIMARY KEY, c int, FOREIGN KEY (c) REFERENCES c (id) ON DELETE CASCADE);
CREATE TABLE lg (id int PRIMARY KEY AUTO_INCREMENT, what varchar(20));
CREATE TABLE s (id int PRIMARY KEY, v int); CREATE TABLE s2 (id int PRIMARY KEY, v int, ts timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);
CREATE TABLE nk (a int, b int); CREATE TABLE uk (a int NOT NULL UNIQUE, b int);
CREATE TABLE pt (id int, r int, v int, PRIMARY KEY (id, r)) PARTITION BY LIST (r) (PARTITION p1 VALUES IN (1), PARTITION p2 VALUES IN (2));
CREATE TABLE sysv (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING;
CREATE SEQUENCE sq;
CREATE TABLE sqt (id int PRIMARY KEY DEFAULT NEXTVAL(sq), v int);
INSERT INTO p VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4); INSERT INTO c VALUES (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3); INSERT INTO g VALUES (1, 1), (2, 2), (3, 3); INSERT INTO s VALUES (1, 1), (2, 2); INSERT INTO s2 (id, v) VALUES (1, 1);
INSERT INTO nk VALUES (1, 1), (1, 1), (2, 2); INSERT INTO uk VALUES (1, 1), (2, 2); INSERT INTO pt VALUES (1, 1, 1), (2, 2, 2); INSERT INTO sysv VALUES (1, 1);
CREATE VIEW v1 AS SELECT id, v FROM p WHERE v > 0;
CREATE VIEW v2 AS SELECT v1.id, v1.v, c.v cv FROM v1 JOIN c ON c.p = v1.id;
CREATE ALGORITHM = TEMPTABLE VIEW v3 AS SELECT count(*) n FROM c;
CREATE VIEW v4 AS SELECT * FROM v3, s;
CREATE TRIGGER t1 AFTER UPDATE ON s FOR EACH ROW INSERT INTO lg (what) VALUES (NEW.v);
CREATE TRIGGER t2 BEFORE INSERT ON s FOR EACH ROW SET NEW.v = NEW.v + 1;
CREATE TRIGGER t3 AFTER DELETE ON c FOR EACH ROW DELETE FROM s2 WHERE id = OLD.id;
CREATE PROCEDURE pr() UPDATE uk SET b = b + 1;
CREATE FUNCTION fw() RETURNS int MODIFIES SQL DATA BEGIN UPDATE uk SET b = b + 1; RETURN 1; END;
CREATE FUNCTION fr() RETURNS int DETERMINISTIC NO SQL RETURN 5;
CREATE FUNCTION flie(x int) RETURNS int DETERMINISTIC NO SQL RETURN (SELECT max(b) FROM uk);
CREATE FUNCTION flie2(x int) RETURNS int DETERMINISTIC RETURN fw();
CREATE VIEW vf AS SELECT id, flie(id) x FROM s;
CREATE FUNCTION `lower2`(x int) RETURNS int DETERMINISTIC RETURN (SELECT max(b) FROM uk);
CREATE TABLE chk (id int PRIMARY KEY, v int CHECK (v < 100), w int);
@read
SELECT * FROM c WHERE id = 2
@read
SELECT id FROM c WHERE p = 2
@read
SELECT id FROM c WHERE pu = 22
@read
SELECT count(*) FROM c WHERE pu IS NULL
@read
SELECT * FROM g
@read
SELECT * FROM lg
@read
SELECT * FROM s WHERE id = 1
@read
SELECT * FROM s WHERE v = 9
@read
SELECT id, v FROM s2
@read
SELECT v FROM s2 WHERE id = 1
@read
SELECT a FROM nk WHERE b = 1
@read
SELECT count(*) FROM nk WHERE a = 1
@read
SELECT b FROM uk WHERE a = 1
@read
SELECT a FROM uk WHERE b = 5
@read
SELECT * FROM pt PARTITION (p1)
@read
SELECT * FROM pt WHERE id = 1 AND r = 1
@pass
SELECT v FROM sysv FOR SYSTEM_TIME ALL
@read
SELECT v FROM sysv
@read
SELECT * FROM v1 WHERE id = 1
@read
SELECT * FROM v2
@read
SELECT * FROM v4
@read
SELECT n FROM v3
@pass
SELECT fr()
@pass
SELECT flie(1)
@pass
SELECT flie(id) FROM s
@pass
SELECT id FROM s WHERE flie(id) = 5
@pass
SELECT * FROM vf
@read
SELECT * FROM p JOIN c USING (id)
@read
SELECT p.id FROM p LEFT JOIN c ON c.p = p.id WHERE c.id IS NULL
@read
SELECT v FROM sqt WHERE id = 1
@read
SELECT count(*) FROM sqt
@read
SELECT * FROM chk WHERE w = 1
@pass
SELECT id FROM p WHERE id = 1 LOCK IN SHARE MODE
@pass
SELECT SLEEP(0)
@write
INSERT INTO s VALUES (1, 1) ON DUPLICATE KEY UPDATE id = id
@write
UPDATE p SET id = 22, u = 22 WHERE id = 2
@write
UPDATE p SET u = 23 WHERE id = 22
@write
UPDATE c SET id = 50 WHERE id = 1 AND 1 = 0
@write
DELETE FROM p WHERE id = 1
@write query
DELETE FROM p WHERE u = 3 RETURNING v
@write
REPLACE INTO p VALUES (22, 50, 2)
@write
INSERT INTO p (id, u, v) VALUES (0, 60, 9)
@write
INSERT INTO c (p, pu, v) SELECT id, u, v FROM p
@write
INSERT INTO p (u, v) VALUES (60, 100), (61, 101) ON DUPLICATE KEY UPDATE v = v + 1, u = 62
@write
INSERT IGNORE INTO c (p, v) VALUES (9999, 1), (22, 77)
@write
UPDATE s SET v = 9 WHERE id = 1
@write
INSERT INTO s VALUES (7, 8)
@write query
INSERT INTO s VALUES (8, 8) RETURNING id, v
@write
INSERT INTO s VALUES (7, 8) ON DUPLICATE KEY UPDATE v = VALUES(v) + 1
@write
UPDATE s2 SET v = 5
@write
DELETE FROM c WHERE v = 77
@write
UPDATE nk SET b = 1 WHERE a = 2
@write
DELETE FROM nk WHERE a = 1 LIMIT 1
@write
CALL pr()
@write
SELECT fw()
@write query
SELECT fw()
@write query
SELECT flie2(1)
@write
DO fw()
@write
SET @q = fw()
@write
UPDATE s SET v = fw() WHERE id = 1
@write
UPDATE uk SET b = 5 WHERE a = 1
@write
UPDATE uk SET a = 7 WHERE a = 2
@write
INSERT INTO uk VALUES (7, 8) ON DUPLICATE KEY UPDATE b = 5
@write
UPDATE pt SET r = 2 WHERE id = 1
@write
ALTER TABLE pt TRUNCATE PARTITION p2
@write
UPDATE pt PARTITION (p1) SET v = 8
@write
UPDATE sysv SET v = 2
@write
DELETE HISTORY FROM sysv
@write
INSERT INTO sqt (v) VALUES (1)
@write
UPDATE v1 SET v = 8 WHERE id = 22
@write
UPDATE v2 SET cv = 9 WHERE id = 22
@write
INSERT INTO v1 VALUES (90, 90)
@write
DELETE FROM v1 WHERE id = 90
@write
UPDATE v2, s SET v2.v = 10, s.v = 11
@write
INSERT INTO chk VALUES (1, 5, 1), (2, 500, 1)
@write
INSERT IGNORE INTO chk VALUES (3, 5, 1), (4, 500, 1), (5, 6, 1)
@write
UPDATE IGNORE chk SET v = v + 95
@write tx
UPDATE s SET v = 100
CREATE TABLE implicit (id int PRIMARY KEY)
UPDATE s SET v = 101
@write tx
UPDATE s SET v = 200 WHERE id = 1
{
UPDATE s2 SET v = 201
!
UPDATE uk SET b = 202
@write tx
SAVEPOINT x
UPDATE s SET v = 300
ROLLBACK TO SAVEPOINT x
UPDATE uk SET b = 303
@write tx
UPDATE s SET v = 400
TRUNCATE TABLE nk
UPDATE uk SET b = 404
@write tx
UPDATE s SET v = 500
ROLLBACK
UPDATE uk SET b = 505
@write
SET STATEMENT max_statement_time = 100 FOR UPDATE s SET v = 600
@write
BEGIN NOT ATOMIC UPDATE s SET v = 602; END
@write
EXPLAIN UPDATE s SET v = 603
@write
ANALYZE UPDATE s SET v = 604
