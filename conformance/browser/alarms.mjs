/** Alarms (ALARM-1..6, ALARM-10, ALARM-13..15): a schedule is drawn and typed, chosen by an input, outputs are tested. */
import { Browser, check, PASSWORD, WCAG } from './camera.mjs';

const b = await Browser.start('http', process.env.HTTP_PORT);
const { page } = b;
const line = (day) => page.locator('.day', { hasText: day }).locator('.line');
const periods = (day) => line(day).locator('.period').evaluateAll((all) => all.map((one) => one.title));
const same = (a, c) => JSON.stringify(a) === JSON.stringify(c);

async function draw(day, from, to) {
  const box = await line(day).boundingBox();
  const at = (hour) => box.x + 1 + ((box.width - 2) * hour) / 24;
  await page.mouse.move(at(from), box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(at((from + to) / 2), box.y + box.height / 2);
  await page.mouse.move(at(to), box.y + box.height / 2);
  await page.mouse.up();
}

try {
  await page.goto(b.origin);
  await b.login('admin', PASSWORD);

  // A new schedule is all day; a click on a period removes it, dragging draws one, on all days that are chosen.
  await b.open('event/alarm', 'Alarm');
  await page.getByRole('tab', { name: 'Schedules', exact: true }).click();
  await b.button('Add').click();
  await page.getByLabel('Name', { exact: true }).fill('Night');
  await line('Monday').waitFor();
  check('a new schedule is all day', same(await periods('Monday'), ['00:00-24:00']), await periods('Monday'));
  for (const day of ['Monday', 'Tuesday']) await line(day).locator('.period').click();
  await b.button('Remove Sunday 00:00-24:00').click();
  for (const day of ['Monday', 'Tuesday', 'Sunday']) check(`a click removes a period (${day})`, same(await periods(day), []));
  for (const day of ['Monday', 'Tuesday']) await page.getByRole('checkbox', { name: day }).check();
  await draw('Monday', 6, 12);
  check('what is drawn is on the chosen days', same(await periods('Tuesday'), ['06:00-12:00']), await periods('Tuesday'));
  check('and on no other', same(await periods('Sunday'), []));
  await draw('Sunday', 20, 24);
  check('a day that is not chosen is drawn on alone', same([await periods('Sunday'), await periods('Monday')], [['20:00-24:00'], ['06:00-12:00']]));
  await page.getByLabel('From', { exact: true }).fill('22:30');
  await page.getByLabel('To', { exact: true }).fill('00:00');
  await b.button('Add to the chosen days').click();
  check('a period is typed', same(await periods('Monday'), ['06:00-12:00', '22:30-24:00']), await periods('Monday'));
  await b.button('Add to the chosen days').click();
  await page.getByText('Periods of a day must not overlap.').waitFor();
  await b.examineWidths('alarm-schedule');
  await b.save();
  await b.saved();
  const { body } = await b.api('GET', '/settings/event.schedules');
  const [night] = body.value.schedules;
  check('the unit has it', night.name === 'Night' && same(night.week.monday, ['06:00-12:00', '22:30-24:00']) && same(night.week.wednesday, ['00:00-24:00']), night);

  // An input chooses it.
  await page.getByRole('tab', { name: 'Alarm', exact: true }).click();
  const input = page.locator('fieldset').first();
  await input.getByLabel('Schedule').selectOption('Night');
  await input.getByRole('switch', { name: 'Enable' }).click();
  await input.getByRole('switch', { name: 'Alarm-out NO1' }).click();
  await b.save();
  await b.saved();
  const alarm = (await b.api('GET', '/settings/event.alarm_inputs')).body.value.input1;
  check('the input has it', alarm.schedule === 'Night' && alarm.enabled && alarm.output1 && !alarm.output2, alarm);

  // Outputs are tested, and seen.
  await b.open('event/alarm-out', 'Alarm-out Port');
  check('nothing is chosen at first', await b.button('Trigger Mode').isDisabled());
  await page.getByRole('checkbox', { name: 'NO2' }).check();
  await b.button('Trigger Mode').click();
  await page.getByText('The outputs are active and go back by themselves.').waitFor();
  const output = page.locator('li', { hasText: 'Alarm-out NO2' });
  await output.getByText('active', { exact: true }).waitFor();
  await b.examine('alarm-out-tested', WCAG);
  await output.getByText('idle', { exact: true }).waitFor();
} catch (error) {
  await b.shot('failed-alarms');
  console.error(`problems so far:\n${b.problems.join('\n')}`);
  throw error;
}
await b.end();
