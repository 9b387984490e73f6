// Snapshots are beside the sources of the tests; the tests that run are compiled, in out/.
module.exports = {
  resolveSnapshotPath: (test, extension) => test.replace('/out/test/', '/test/snapshots/') + extension,
  resolveTestPath: (snapshot, extension) =>
    snapshot.replace('/test/snapshots/', '/out/test/').slice(0, -extension.length),
  testPathForConsistencyCheck: '/cdk/out/test/app.test.js',
};
