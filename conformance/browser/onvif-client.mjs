// The camera as the npm package `onvif` uses it: the client behind most Node.js programs for cameras.
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import onvif from 'onvif';

const { HTTP_PORT, PASSWORD, TRUTH } = process.env;
const PATIENCE_MS = 150_000;

function check(what, holds, found = '') {
	if (!holds) {
		console.error(`FAILED: ${what}: ${JSON.stringify(found)}`);
		process.exit(1);
	}
	console.log(`  ok: ${what}`);
}

function connect(password) {
	const options = { hostname: '127.0.0.1', port: Number(HTTP_PORT), username: 'admin', password, timeout: 20_000 };
	return new Promise((done, failed) => {
		const cam = new onvif.Cam(options, (error) => (error ? failed(error) : done(cam)));
	});
}

/** A method of the client as a promise. */
const call = (cam, method, ...options) =>
	new Promise((done, failed) => {
		cam[method](...options, (error, data) => (error ? failed(new Error(`${method}: ${error.message}`)) : done(data)));
	});

/** The first plates that the client hears, as many as are wanted. */
function plates(cam, wanted) {
	return new Promise((done, failed) => {
		const heard = [];
		const late = setTimeout(() => failed(new Error(`${wanted} plates wanted, heard ${heard}`)), PATIENCE_MS);
		cam.on('eventsError', (error) => failed(error));
		cam.on('event', (message) => {
			if (!message.topic._.endsWith('RuleEngine/Recognition/LicensePlate')) return;
			const items = [message.message.message.data.elementItem].flat();
			const info = items.find((i) => i.$.Name === 'LicensePlateInfo').licensePlateInfo;
			heard.push(info.plateNumber._ ?? info.plateNumber);
			if (heard.length < wanted) return;
			clearTimeout(late);
			cam.removeAllListeners('event');
			done(heard);
		});
	});
}

// The client connects by what everybody may ask.
const stranger = await connect('Wrong-2026').then((cam) => call(cam, 'getDeviceInformation')).then(() => undefined, (error) => error);
check('a wrong password is refused', stranger instanceof Error, stranger);

const cam = await connect(PASSWORD);
const device = await call(cam, 'getDeviceInformation');
check('device information', device.manufacturer && device.model && device.serialNumber, device);
check('the client found media and events', cam.uri.media && cam.uri.events, cam.uri);
check('two profiles', cam.profiles.map((p) => p.$.token).join() === 'profile_main,profile_sub', cam.profiles);
for (const profile of cam.profiles) {
	const profileToken = profile.$.token;
	const { uri } = await call(cam, 'getStreamUri', { protocol: 'RTSP', profileToken });
	const address = uri.replace('rtsp://', `rtsp://admin:${encodeURIComponent(PASSWORD)}@`);
	const probe = ['-v', 'error', '-rtsp_transport', 'tcp', '-of', 'json', '-show_streams', '-select_streams', 'v', address];
	const [video] = JSON.parse(execFileSync('ffprobe', probe, { timeout: 60_000 })).streams;
	const { width, height } = profile.videoEncoderConfiguration.resolution;
	check(`${profileToken} plays as ${width} x ${height}`, video.width === width && video.height === height, video);
	const snapshot = await call(cam, 'getSnapshotUri', { profileToken });
	check(`${profileToken} has a snapshot`, snapshot.uri.startsWith(`http://127.0.0.1:${HTTP_PORT}/`), snapshot);
}
const heard = await plates(cam, 2);
const truth = TRUTH.split(',');
check(`plates of the clip: ${heard}`, heard.every((p) => truth.includes(p)), { heard, truth });
process.exit(0);
